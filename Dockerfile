# One image for every part of Twooter; the arguments choose which:
#   twooter serve | twooter relay | twooter exporter | twooter migrate | workers worker | workers beat
# `make image` builds it, with docker or without, and proves what is said here.
#
# The base is named by tag here; wherever a registry is reached, image/build.sh resolves the tag and builds from its digest,
# which the label org.opencontainers.image.base.digest keeps.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS dependencies
WORKDIR /build
COPY requirements.txt requirements-otel.txt ./
# Wheels only: nothing is compiled, so no stage has a compiler, and arm64 needs no other lines than amd64.
# The two secrets are how a machine behind a mirror reaches its index; they are in no layer.
# pip itself lives in an environment of its own, which stays in this stage.
RUN --mount=type=secret,id=pip_conf,target=/run/secrets/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.pem \
    if [ -s /run/secrets/pip.conf ]; then export PIP_CONFIG_FILE=/run/secrets/pip.conf; fi \
    && python -m venv --without-pip /opt/twooter \
    && python -m venv /build/installer \
    && /build/installer/bin/pip --python /opt/twooter/bin/python install --quiet --disable-pip-version-check \
        --root-user-action=ignore --no-cache-dir --no-compile --require-hashes --no-deps --only-binary=:all: \
        -r requirements.txt -r requirements-otel.txt \
    && /opt/twooter/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/twooter/lib

FROM dependencies AS code
COPY twooter /code/twooter
COPY workers /code/workers
RUN /opt/twooter/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /code

FROM ${PYTHON_IMAGE}
# The published base carries neither a user for us nor bytecode of the standard library, which a read-only root could never
# keep: each start would compile it anew. What installs packages is of no use to something that runs.
RUN groupadd --gid 10001 twooter \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /tmp --shell /usr/sbin/nologin twooter \
    && library="$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && rm -rf "$library"/ensurepip "$library"/idlelib "$library"/lib2to3 "$library"/turtledemo \
        "$library"/site-packages/* /usr/local/bin/pip* /usr/local/bin/wheel /usr/local/bin/idle* /usr/local/bin/2to3* \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x '/tests?/' "$library"
COPY --from=dependencies /opt/twooter /opt/twooter
COPY --from=code /code /opt/twooter/lib/python3.11/site-packages
# A container that is told nothing refuses to start rather than to keep data in a file of its own.
# Only /tmp and /dev/shm are written to; both may be small and in memory.
ENV PATH=/opt/twooter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    TWOOTER_ENV=production \
    TWOOTER_HOST=0.0.0.0 \
    TWOOTER_PORT=8000 \
    TWOOTER_METRICS_PORT=9000 \
    TWOOTER_VAR_DIR=/tmp/twooter
WORKDIR /opt/twooter
USER 10001:10001
EXPOSE 8000 9000
# Whoever runs it asks /healthz and /readyz on the machines' port; an inherited check would ask something else.
HEALTHCHECK NONE
ENTRYPOINT ["/opt/twooter/bin/python", "-m"]
CMD ["twooter", "--help"]

ARG PYTHON_IMAGE
ARG BASE_DIGEST=""
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=""
LABEL org.opencontainers.image.title="twooter" \
      org.opencontainers.image.description="The backend of a Twitter-like application: API, workers, schedule, relay." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}" \
      org.opencontainers.image.base.digest="${BASE_DIGEST}"

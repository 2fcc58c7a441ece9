"""Look for known vulnerabilities in the pinned requirements (`make scan`).

A finding fails, and so does a package that alone could not be looked up. A machine that cannot reach the
vulnerability service at all passes, and says in so many words that nothing was checked.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

FILES = sorted(str(path) for path in Path().glob("requirements*.txt"))
REFUSED = re.compile(
    r"ConnectionError|Max retries|HTTPError|ServiceError|Forbidden|timed out|ProxyError|SSLError"
)


def main() -> int:
    """Run pip-audit over each requirement file and judge what it says of all of them."""
    packages: dict[tuple[str, str], dict[str, Any]] = {}
    for file in FILES:  # one at a time: two files may pin one package differently, for two environments
        answer = audit(file)
        try:
            found = json.loads(answer.stdout)["dependencies"]
        except ValueError:
            sys.stderr.write(answer.stderr)
            return not_checked("it cannot be reached") if REFUSED.search(answer.stderr) else 1
        packages |= {(package["name"], package.get("version", "")): package for package in found}
    return judge(list(packages.values()))


def audit(file: str) -> subprocess.CompletedProcess[str]:
    """Look up what a file pins."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    command += ["--disable-pip", "--require-hashes", "-r", file]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)


def judge(packages: list[dict[str, Any]]) -> int:
    """Print findings and return the exit status."""
    skipped = [package for package in packages if "skip_reason" in package]
    found = [package for package in packages if package.get("vulns")]
    if len(skipped) == len(packages):
        return not_checked(f"it knew none of the {len(packages)} packages")
    for package in skipped:
        print(f"scan: {package['name']} could not be looked up: {package['skip_reason']}")
    for package in found:
        for vuln in package["vulns"]:
            print(
                f"scan: {package['name']} {package['version']}: {vuln['id']}, mended in {vuln['fix_versions']}"
            )
    print(f"scan: {len(packages) - len(skipped)} packages looked up, {len(found)} with known vulnerabilities")
    return 1 if found or skipped else 0


def not_checked(reason: str) -> int:
    """Say loudly that this run proves nothing."""
    print(
        f"scan: NOTHING WAS CHECKED: the index here offers no vulnerability data ({reason})", file=sys.stderr
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The native API: one file per noun, with thin resources, request models and pure shapes."""

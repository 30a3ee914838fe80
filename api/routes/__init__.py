"""JSON routes under `/api/v1`. Each module offers `router`; `api.app` finds them by itself."""

"""Web pages. Each module offers `router`; `api.app` finds them by itself."""

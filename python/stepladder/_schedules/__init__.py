"""The built-in schedules, one module per kind: import the public names from `stepladder` itself."""

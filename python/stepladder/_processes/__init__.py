"""The built-in noise processes, one module per kind: import the public names from `stepladder` itself."""

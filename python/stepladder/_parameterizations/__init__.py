"""The built-in parameterizations, one module per kind: import the public names from `stepladder` itself."""

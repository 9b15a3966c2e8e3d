"""A real Kubernetes cluster in network namespaces, and incidents on it."""

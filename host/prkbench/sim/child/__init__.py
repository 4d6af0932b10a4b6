"""What runs inside the child process of a virtual node."""

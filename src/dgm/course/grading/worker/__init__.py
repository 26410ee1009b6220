"""What runs inside the sandbox, in the student's own process."""

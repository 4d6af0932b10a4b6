"""What a person looks at: terminal summary and the self-contained page."""

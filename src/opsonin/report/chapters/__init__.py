"""Chapters: what each tells, in which order, and why it is absent where a record cannot tell it."""

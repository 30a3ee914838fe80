"""The demand register: what data somebody needs and does not find, and what the bureau answers."""

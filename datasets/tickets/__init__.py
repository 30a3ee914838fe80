"""Tickets: what the gate refused, as work for the department that handed it in (检查 → 校核 → 更正 → 确认)."""

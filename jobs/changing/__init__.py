"""Operations on jobs and rules from outside: cancelling, admins, retention, privacy, styles."""

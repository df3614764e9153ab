-- Erasing a customer looks for the returns that they made.
CREATE INDEX returns_customer ON returns (org, customer) WHERE customer <> 0;

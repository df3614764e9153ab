-- What was spent beyond a lease used to come off what its lot has on lease, so that more of the lot seemed free than
-- there was. What open leases hold is counted again for every lot of which a part was overspent.
UPDATE lots SET leased = (
  SELECT COALESCE(SUM(p.amount - p.spent), 0) FROM leases e JOIN lease_parts p ON p.org = e.org AND p.lease = e.id
  WHERE e.org = lots.org AND e.kind = lots.kind AND e.no = lots.no AND e.released = 0 AND p.lot = lots.id AND p.amount > p.spent
) WHERE (org, id) IN (SELECT x.org, x.lot FROM lease_parts x WHERE x.spent > x.amount);

const GOOD = new Set(["closed", "delivered", "unchanged", "success", "applied"]);
const UNDER_WAY = new Set(["replaying", "read", "waiting", "sending", "not_sent", "queued", "running", "offered", "checked", "approved", "applying", "undoing"]);
const QUIET = new Set(["discarded", "superseded", "undone"]);

/** A state, in colour and in words. */
export function State({ of }: { of: string }) {
  const look = GOOD.has(of) ? "good" : UNDER_WAY.has(of) ? "busy" : QUIET.has(of) ? "quiet" : "bad";
  return <span className={`state ${look}`}>{of.replace("_", " ")}</span>;
}

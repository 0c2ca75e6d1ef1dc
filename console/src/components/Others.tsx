import type { DraftedView } from "../api/client";
import { instant } from "../model/format";
import { Link } from "./Link";

/** Who else has a draft of the same file, and where it can be looked at. */
export function Others({ file, what }: { file: DraftedView; what: string }) {
  return file.others.map((each) => (
    <p key={each.by} className="note" role="status">
      {each.by} has <Link to={{ page: "review", number: each.id }}>a draft of this {what}</Link> too, changed {instant(each.changed_at)}. Who publishes second takes the first one's changes in.
    </p>
  ));
}

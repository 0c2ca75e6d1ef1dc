import type { MappingView } from "../api/client";
import { count, instant } from "../model/format";
import { useAccept, useChange, useDrifts } from "../queries/design";
import { Why } from "./Noted";

const POLICIES = { ignore: "nothing", warn: "it is told here", hold: "records are held until it is accepted" };
const SIDES: Record<string, string> = { records: "records", source: "description of the source", target: "description of the target" };

/** What became of the form of records and of both sides since the mapping was published or accepted last. */
export function Drifts({ mapping }: { mapping: MappingView }) {
  const query = useDrifts(mapping.name);
  const accept = useAccept(mapping.name);
  const change = useChange(mapping.name);
  if (mapping.is_new || query.data === undefined) return <Why error={query.error} />;
  const { drifts, accepted_at, by, records } = query.data;
  const shown = mapping.drift === "ignore" ? [] : drifts;
  const read = shown.filter((each) => each.is_read && each.what !== "appeared").length;
  return (
    <details open={read > 0} className="drifts">
      <summary>
        Form of records:{" "}
        {accepted_at === null || accepted_at === undefined
          ? "nobody has accepted it yet"
          : shown.length === 0
            ? "as it was accepted"
            : `${shown.length} differ${shown.length === 1 ? "s" : ""} from what was accepted, ${read} of them read here`}
      </summary>
      <div className="padded">
        <p className="quiet">
          {accepted_at && by ? `Accepted ${instant(accepted_at)} by ${by}. ` : ""}
          Told by the latest {count(records)} records, by names and kinds, never values.
        </p>
        {shown.length > 0 && (
          <table>
            <caption>What is otherwise</caption>
            <thead>
              <tr>
                <th scope="col">Path</th>
                <th scope="col">Of</th>
                <th scope="col">What</th>
                <th scope="col">Was</th>
                <th scope="col">Is</th>
                <th scope="col">Read here</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((each) => (
                <tr key={`${each.company} ${each.of} ${each.path}`} className={each.is_read && each.what !== "appeared" ? "fault" : undefined}>
                  <th scope="row">
                    <code>{each.path}</code>
                  </th>
                  <td>
                    {SIDES[each.of] ?? each.of} <small>{each.company}</small>
                  </td>
                  <td>{each.what}</td>
                  <td>{each.before.replace("!", ", always") || "–"}</td>
                  <td>{each.now.replace("!", ", always") || "–"}</td>
                  <td>{each.is_read ? "yes" : "no"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {mapping.may_edit && (
          <div className="buttons">
            <label>
              When a path that is read is otherwise:{" "}
              <select
                value={mapping.drift}
                disabled={change.isPending}
                onChange={(event) => change.mutate({ seen: mapping.draft?.version ?? 0, location: ["drift"], written: event.target.value })}
              >
                {Object.entries(POLICIES).map(([each, told]) => (
                  <option key={each} value={each}>
                    {each}: {told}
                  </option>
                ))}
              </select>
            </label>
            <button disabled={accept.isPending} onClick={() => accept.mutate()}>
              Accept the form records have now
            </button>
            <Why error={accept.error ?? change.error} />
          </div>
        )}
      </div>
    </details>
  );
}

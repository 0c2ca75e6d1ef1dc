import type { GateView } from "../api/client";
import { expectationWords } from "../model/gate";
import { count } from "../model/format";

/** How many of the recent documents a gate stops, and which; `only`: those of one expectation, or what is unusual. */
export function Stopped({ gate, only }: { gate: GateView; only?: number | "unusual" }) {
  const { tried } = gate;
  if (tried === null) return <p className="quiet">{gate.not_tried}</p>;
  const stopped = tried.stopped.filter((each) => only === undefined || (only === "unusual" ? each.unusual !== "" : each.expectation === only));
  const one = typeof only === "number" ? gate.expectations[only] : gate.unusual;
  const total = only === undefined ? null : only === "unusual" ? (gate.unusual?.found ?? 0) : (gate.expectations[only]?.stopped ?? 0);
  const rejects = only === undefined || one?.otherwise !== "warn";
  return (
    <>
      <p className={(total ?? tried.rejected) > 0 && rejects ? "bad" : "quiet"}>
        {total === null
          ? `Of ${count(tried.documents)} recent documents ${count(tried.rejected)} would be rejected, as it is live ${count(tried.live)}; ${count(tried.warned)} would be told of.`
          : `${count(total)} of ${count(tried.documents)} recent documents ${rejects ? "would be rejected by it" : "would be told of by it"}. The whole gate would reject ${count(tried.rejected)}, as it is live ${count(tried.live)}.`}
      </p>
      {stopped.length > 0 && (
        <table className="stopped">
          <caption>{only === undefined ? "Which" : "Which it stops"}</caption>
          <thead>
            <tr>
              <th scope="col">Document</th>
              <th scope="col">Leg</th>
              <th scope="col">Field</th>
              {gate.values && <th scope="col">Value</th>}
              <th scope="col">Expectation</th>
              <th scope="col">Then</th>
            </tr>
          </thead>
          <tbody>
            {stopped.map((each) => (
              <tr key={`${each.company} ${each.leg} ${each.record_key} ${each.expectation ?? each.unusual}`}>
                <th scope="row">{each.record_key}</th>
                <td className="free">
                  {each.leg.replaceAll("_", " ").replace(".", ": ")} <small>{each.company}</small>
                </td>
                <td>{each.field}</td>
                {gate.values && <td className="free">{each.value ?? "–"}</td>}
                <td className="free">{each.expectation === null ? `unusual ${each.unusual}` : expectationWords(gate.expectations[each.expectation]?.expect ?? "")}</td>
                <td>{each.rejects ? (each.newly ? "rejected, and was not" : "rejected") : "told of"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

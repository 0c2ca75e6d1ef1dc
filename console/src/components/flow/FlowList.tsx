import type { FlowView, PassView, Place } from "../../api/client";
import { problemsAt } from "../../model/flow";
import { keyOf } from "../../model/mapping";
import { inWords, timesOf } from "../../model/words";

type Props = { flow: FlowView; chosen: Place; choose: (place: Place) => void; passes: PassView[] };

/** The drawing as lists and tables: everything that is drawn, told and chosen there is here too. */
export function FlowList({ flow, chosen, choose, passes }: Props) {
  const marked = keyOf(chosen);
  return (
    <div className="listed">
      {flow.stages.map((stage) => (
        <section key={stage.name} aria-label={`Stage ${inWords(stage.name)}`}>
          <h3>
            <button className="plain field" aria-pressed={keyOf(stage.location) === marked} onClick={() => choose(stage.location)}>
              {inWords(stage.name)}
            </button>{" "}
            <span className="quiet">{timesOf(stage)}</span>
          </h3>
          {stage.description && <p className="quiet">{stage.description}</p>}
          {stage.reconcile.length > 0 && <p>The books of {stage.reconcile.join(" and ")} are compared.</p>}
          {stage.legs.length > 0 && (
            <table>
              <thead>
                <tr>
                  <th scope="col">Leg</th>
                  <th scope="col">From</th>
                  <th scope="col">After</th>
                  <th scope="col">To, by gate</th>
                  <th scope="col">Last pass</th>
                  <th scope="col">Problems</th>
                </tr>
              </thead>
              <tbody>
                {stage.legs.map((leg) => {
                  const wrong = problemsAt(flow, leg.location);
                  return (
                    <tr key={leg.name} className={wrong.length ? "fault" : undefined}>
                      <th scope="row">
                        <button className="plain field" aria-pressed={keyOf(leg.location) === marked} onClick={() => choose(leg.location)}>
                          {inWords(leg.name)}
                        </button>
                        {leg.rules.length > 0 && <small>{leg.rules.map((each) => inWords(each.name)).join(", ")}</small>}
                      </th>
                      <td className="free">{leg.sources.join(", ") || "–"}</td>
                      <td className="free">{leg.after.map(inWords).join(", ") || "–"}</td>
                      <td className="free">
                        {leg.targets.map((target) => (
                          <div key={target.leg}>
                            <button className="plain field" aria-pressed={keyOf(target.location) === marked} onClick={() => choose(target.location)}>
                              {target.entity || "?"}
                            </button>
                            <small>{target.by_hand ? `people change it in ${target.by_hand}` : inWords(target.gate) || "no gate"}</small>
                          </div>
                        ))}
                      </td>
                      <td className="free">
                        {leg.targets.map((target) => (
                          <Counted key={target.leg} of={passes.find((each) => each.leg === target.leg)} />
                        ))}
                      </td>
                      <td className="free">{wrong.map((each) => each.message).join(" ") || "–"}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          )}
        </section>
      ))}
    </div>
  );
}

/** What a leg's last pass did, in words. */
export function Counted({ of }: { of: PassView | undefined }) {
  if (of === undefined) return null;
  return (
    <div>
      {of.read} read, {of.delivered} delivered{of.rejected > 0 && `, ${of.rejected} rejected`}
      {of.waiting > 0 && `, ${of.waiting} waiting`}
    </div>
  );
}

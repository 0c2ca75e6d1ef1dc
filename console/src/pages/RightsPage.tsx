import { Shown } from "../components/Shown";
import { useMe, useRights } from "../queries/me";

/** What who looks may do in each stage, as Airflow's auth manager says it. */
export function RightsPage() {
  const { name } = useMe();
  const query = useRights();
  return (
    <main>
      <p className="note">
        What {name} may do. An auditor sees what was done without values, an approver sees values and answers, an operator also
        starts runs, an engineer also edits flows, mappings and gates, and keeps connections. Who is asked by name, as to sign or to approve a bundle,
        answers that alone. Who has which role is said where users are kept, in Airflow's auth manager.
      </p>
      <Shown query={query} what="rights">
        {(stages) => (
          <table>
            <thead>
              <tr>
                <th scope="col">Stage</th>
                <th scope="col">Company</th>
                <th scope="col">Sees what was done</th>
                <th scope="col">Sees values, mends</th>
                <th scope="col">Answers, approves</th>
                <th scope="col">Starts runs</th>
                <th scope="col">Drafts and publishes its files</th>
              </tr>
            </thead>
            <tbody>
              {stages.map((each) => (
                <tr key={`${each.company} ${each.flow} ${each.stage}`}>
                  <th scope="row">
                    {each.flow} {each.stage}
                  </th>
                  <td>{each.company}</td>
                  <td>{each.reads ? "yes" : "no"}</td>
                  <td>{each.mends ? "yes" : "no"}</td>
                  <td>{each.answers ? "yes" : "no"}</td>
                  <td>{each.starts ? "yes" : "no"}</td>
                  <td>{each.edits ? "yes" : "no"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Shown>
    </main>
  );
}

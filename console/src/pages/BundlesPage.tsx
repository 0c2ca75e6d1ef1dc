import type { Bundles, Promotion } from "../api/client";
import { go, Link } from "../components/Link";
import { Why } from "../components/Noted";
import { Shown } from "../components/Shown";
import { State } from "../components/State";
import { instant } from "../model/format";
import { useBundles, useOffer, usePack } from "../queries/bundles";

/** The bundles that were offered to this environment: who packed and approved them, and what became of them. */
export function BundlesPage() {
  const query = useBundles();
  return (
    <main>
      <h1 className="heading">Promotion</h1>
      <Shown query={query} what="bundles">
        {(bundles) => <Listed bundles={bundles} />}
      </Shown>
    </main>
  );
}

function Listed({ bundles }: { bundles: Bundles }) {
  const pack = usePack();
  const offer = useOffer();
  return (
    <>
      <p className="quiet">
        {bundles.environment ? `This environment is ${bundles.environment}. ` : ""}
        Flows, mappings, suites and tables of another environment become live here when they are signed by a key that is taken here, their
        checks hold, and somebody approves them who neither packed nor offered them.
      </p>
      {bundles.may_offer && (
        <div className="bar">
          <label>
            Offer a bundle{" "}
            <input
              type="file"
              disabled={offer.isPending}
              onChange={(event) => {
                const [file] = event.target.files ?? [];
                event.target.value = "";
                if (file) offer.mutate(file, { onSuccess: (bundle) => go({ page: "bundle", number: bundle.id }) });
              }}
            />
          </label>
          <button disabled={pack.isPending} onClick={() => pack.mutate()}>
            Pack the files of here
          </button>
        </div>
      )}
      <Why error={offer.error ?? pack.error} />
      {bundles.promotions.length === 0 ? (
        <p className="note">No bundle was offered here yet.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Bundle</th>
              <th scope="col">State</th>
              <th scope="col">Packed</th>
              <th scope="col">Offered</th>
              <th scope="col">Approved</th>
              <th scope="col">Live</th>
            </tr>
          </thead>
          <tbody>
            {bundles.promotions.map((each) => (
              <Row key={each.id} promotion={each} />
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Row({ promotion: { id, state, sha256, environment, ...of } }: { promotion: Promotion }) {
  return (
    <tr>
      <th scope="row">
        <Link to={{ page: "bundle", number: id }}>Bundle {id}</Link>
        <small>
          <code>{sha256.slice(0, 12)}</code>
        </small>
      </th>
      <td>
        <State of={state} />
      </td>
      <td>
        {of.packed_by}
        <small>
          {instant(of.packed_at)}
          {environment && ` in ${environment}`}
        </small>
      </td>
      <td>
        {of.offered_by}
        <small>{instant(of.offered_at)}</small>
      </td>
      <td>
        {of.said_by ? `${state === "rejected" ? "rejected by " : ""}${of.said_by}` : "–"}
        {of.said_at && <small>{instant(of.said_at)}</small>}
      </td>
      <td>
        {of.applied_at ? instant(of.applied_at) : "–"}
        {of.undone_at && (
          <small>
            taken back by {of.undone_by} {instant(of.undone_at)}
          </small>
        )}
      </td>
    </tr>
  );
}

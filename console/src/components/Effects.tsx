import type { Trial } from "../api/client";
import { difference, places } from "../model/mapping";

type Effect = Trial["effects"][number];

/** What ledgers would book by account, before and after, where debit or credit is another: a table a ledger. */
export function Effects({ effects }: { effects: Effect[] }) {
  const several = new Set(effects.map((each) => each.company)).size > 1;
  const names = [...new Set(effects.map((each) => nameOf(each, several)))];
  return names.map((name) => {
    const own = effects.filter((each) => nameOf(each, several) === name);
    return (
      <section key={name}>
        <table>
          <caption>
            What <b>{name}</b> books of all documents of these legs, now and then; accounts that stay the same are left out
          </caption>
          <thead>
            <tr>
              <th scope="col">Role, account</th>
              <th scope="col" className="number">Debit</th>
              <th scope="col" className="number">Credit</th>
              <th scope="col" className="number">Debit then</th>
              <th scope="col" className="number">Credit then</th>
              <th scope="col" className="number">Difference</th>
            </tr>
          </thead>
          <tbody>
            {own.map((each) => (
              <tr key={`${each.account} ${each.currency}`}>
                <th scope="row">
                  {each.role || "no role"} {each.account} {each.currency && <small>{each.currency}</small>}
                </th>
                <td className="number">{places(each.debit_before)}</td>
                <td className="number">{places(each.credit_before)}</td>
                <td className="number">{places(each.debit_after)}</td>
                <td className="number">{places(each.credit_after)}</td>
                <td className="number">{difference("0", each.difference)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    );
  });
}

function nameOf({ company, ledger }: Effect, several: boolean): string {
  return several ? `${ledger} of ${company}` : ledger;
}

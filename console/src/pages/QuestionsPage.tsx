import type { Question } from "../api/client";
import { go } from "../components/Link";
import { NotedInRow } from "../components/Noted";
import { Pager } from "../components/Pager";
import { Shown } from "../components/Shown";
import { age, instant } from "../model/format";
import { systemOf } from "../model/way";
import { useMe } from "../queries/me";
import { ROWS, useAnswer, useQuestions } from "../queries/waiting";

/** Conflicts: both values side by side, and the answer, which Airflow takes. */
export function QuestionsPage({ offset }: { offset: number }) {
  const query = useQuestions(offset);
  return (
    <main aria-busy={query.isPlaceholderData}>
      <Shown query={query} what="conflicts">
        {({ questions, total }) =>
          total === 0 ? (
            <p className="note">Nobody is asked anything: where two systems were both changed, the policy says whose value stands.</p>
          ) : (
            <>
              <table>
                <thead>
                  <tr>
                    <th scope="col">Of</th>
                    <th scope="col">Field</th>
                    <th scope="col">Whose value stands?</th>
                    <th scope="col">With</th>
                    <th scope="col">Since</th>
                  </tr>
                </thead>
                <tbody>
                  {questions.map((each) => (
                    <Row key={each.id} question={each} />
                  ))}
                </tbody>
              </table>
              <Pager offset={offset} rows={ROWS} total={total} show={(offset) => go({ page: "questions", offset })} />
            </>
          )
        }
      </Shown>
    </main>
  );
}

function Row({ question }: { question: Question }) {
  const { zones } = useMe();
  return (
    <tr>
      <th scope="row">
        {question.number ?? "–"}
        <small>
          {question.kind} · {question.company}
        </small>
      </th>
      <td>{question.field.replaceAll("_", " ")}</td>
      <td>
        <Choice question={question} />
      </td>
      <td>
        <NotedInRow kind="question" id={question.id} work={question.work} mayMend={question.may_mend} zone={zones[question.company]} />
      </td>
      <td title={instant(question.asked_at, zones[question.company])}>{age(question.asked_at, Date.now())}</td>
    </tr>
  );
}

function Choice({ question }: { question: Question }) {
  const { airflow } = useMe();
  const answer = useAnswer(airflow);
  const { values, options, page, answering, answered_by } = question;
  if (values === null) return <>Values are shown to those who may edit the DAG.</>;
  return (
    <>
      <div className="sides">
        {Object.entries(values).map(([system, value]) => (
          <div key={system} className="side">
            <small>{system === "before" ? "It was" : systemOf(system)}</small>
            <p>{value ?? <i>nothing</i>}</p>
            {options.includes(system) && (
              <button disabled={answer.isPending || answer.isSuccess} onClick={() => answer.mutate({ question, option: system })}>
                {system === "before" ? "Take it back" : `${systemOf(system)} stands`}
              </button>
            )}
          </div>
        ))}
      </div>
      {answered_by && <small>Answered by {answered_by}: the next pass carries it out.</small>}
      {answer.isSuccess && !answered_by && <small role="status">Airflow has your answer.</small>}
      {!answered_by && options.length === 0 && page === null && <small>Airflow asks it in a moment: the next pass puts it.</small>}
      {answering.length > 0 && <small>Asked of {answering.join(", ")}.</small>}
      {page && (
        <small>
          <a href={page} target="_blank" rel="noreferrer">
            The task in Airflow
          </a>
        </small>
      )}
      {answer.error && (
        <p role="alert" className="note bad">
          {answer.error.message}
        </p>
      )}
    </>
  );
}

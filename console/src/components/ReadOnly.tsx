import { Link } from "./Link";

/** Why a file can be looked at and not changed. */
export function ReadOnly({ what, children }: { what: string; children?: string | false }) {
  return (
    <p className="note">
      Engineers edit a {what}: those whom Airflow lets edit the DAGs of all stages that use it, and change its variables.{" "}
      <Link to={{ page: "rights" }}>What you may do</Link>. {children}
    </p>
  );
}

import createClient from "openapi-fetch";

import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type Me = Schemas["Me"];
export type Money = Schemas["Money"];
export type Work = Schemas["WorkView"];
export type Letter = Schemas["LetterView"];
export type LetterDetail = Schemas["LetterDetail"];
export type Cause = Schemas["CauseView"];
export type Question = Schemas["QuestionView"];
export type Proposal = Schemas["ProposalView"];
export type Health = Schemas["HealthView"];
export type Stage = Schemas["StageView"];
export type Queue = Schemas["QueueView"];
export type Verdict = Schemas["VerdictView"];
export type Close = Schemas["CloseView"];
export type SignOff = Schemas["SignOffView"];
export type Hit = Schemas["HitView"];
export type Payload = Schemas["PayloadView"];
export type Way = Schemas["Way"];
export type Step = Schemas["StepView"];
export type FileView = Schemas["FileView"];
export type MappingView = Schemas["MappingView"];
export type MappingField = Schemas["FieldView"];
/** What files that are drafted have in common. */
export type DraftedView = Pick<MappingView, "file" | "name" | "description" | "text" | "may_edit" | "publishes" | "draft" | "others" | "history">;
export type Palette = Schemas["PaletteView"];
export type FileAsked = Schemas["FileAsked"];
export type PassView = Schemas["PassView"];
export type FlowView = Schemas["FlowView"];
export type FlowStage = Schemas["StageNode"];
export type FlowLeg = Schemas["LegNode"];
export type FlowTarget = Schemas["TargetNode"];
export type FlowProblem = Schemas["FlowProblem"];
export type GateView = Schemas["GateView"];
export type ExpectationView = Schemas["ExpectationView"];
export type ExpectationOffered = Schemas["ExpectationOffered"];
export type Review = Schemas["ReviewView"];
export type TableView = Schemas["TableView"];
export type Edit = Schemas["EditsTried"]["edits"][number];
export type Sides = Schemas["SidesView"];
export type SideField = Schemas["SideField"];
export type Suggestion = Schemas["SuggestionView"];
export type Language = Schemas["LanguageView"];
export type PartOption = Schemas["OptionView"];
export type Trial = Schemas["TryView"];
export type Bundles = Schemas["BundlesView"];
export type Promotion = Schemas["PromotionView"];
export type Bundle = Schemas["BundleView"];
/** A path in a file: keys, and positions in lists. */
export type Place = (string | number)[];

/** Why something was not done, as the server says it with the remedy. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null,
  ) {
    super(message);
  }
}

export const api = createClient<paths>({ baseUrl: document.baseURI.replace(/\/$/, "") });

let token = "";

/** Remember what this user's page sends with whatever it asks to be done. */
export function keepToken(given: string): void {
  token = given;
}

api.use({
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("X-Ledgerbridge-Token", token);
    return request;
  },
  onResponse({ response }) {
    // the session has ended: the server leads to the login, and from there back to this address
    if (response.status === 401) window.location.reload();
    return response;
  },
});

/** What the server gave, or an error with what it said. */
export async function given<T>(
  answer: Promise<{ data?: T; error?: { detail?: unknown; code?: string | null }; response: Response }>,
): Promise<T> {
  const { data, error, response } = await answer;
  if (data === undefined) {
    const detail = typeof error?.detail === "string" ? error.detail : `The server answers ${response.status}.`;
    throw new Refused(response.status, detail, error?.code ?? null);
  }
  return data;
}

/** Ask Airflow's own API for something, with what the user may do there; or an error with what it said. */
export async function askAirflow(method: "PATCH" | "POST", address: string, body: object): Promise<void> {
  const response = await fetch(address, {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (response.ok) return;
  const { detail } = (await response.json().catch(() => ({}))) as { detail?: unknown };
  throw new Refused(response.status, typeof detail === "string" ? detail : `Airflow answers ${response.status}.`, null);
}

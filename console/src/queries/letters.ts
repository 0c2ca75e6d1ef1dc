import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, askAirflow, given, type Letter } from "../api/client";
import type { Filters } from "../model/route";

export const ROWS = 100;

/** The filters as the API takes them. */
function asked({ unassigned, ...rest }: Filters) {
  return { ...rest, unassigned: unassigned === "true" };
}

/** A page of the work list; while the next one is on its way the last one stays. */
export function useLetters(filters: Filters) {
  return useQuery({
    queryKey: ["letters", filters],
    queryFn: () => given(api.GET("/api/letters", { params: { query: { ...asked(filters), limit: ROWS } } })),
    placeholderData: keepPreviousData,
  });
}

/** The letters in a state by what would mend them. */
export function useCauses(state: Filters["state"]) {
  return useQuery({
    queryKey: ["causes", state],
    queryFn: () => given(api.GET("/api/causes", { params: { query: { state } } })),
  });
}

/** All that is kept of a letter. */
export function useLetter(id: string) {
  return useQuery({
    queryKey: ["letter", id],
    queryFn: () => given(api.GET("/api/letters/{letter_id}", { params: { path: { letter_id: id } } })),
    // what the next pass makes of it is shown when it has
    refetchInterval: ({ state: { data } }) => (data?.state === "replaying" ? 3_000 : false),
  });
}

export type Action = "replays" | "discards";
export type Wish = { letters: Pick<Letter, "id" | "revision">[]; reason: string; force?: boolean };

/** Let letters go on, or give them up: all of them or none. */
export function useAct(action: Action) {
  const forget = useForget();
  return useMutation({
    mutationFn: ({ letters, reason, force = false }: Wish) => {
      const seen = Object.fromEntries(letters.map((each) => [each.id, each.revision]));
      const body = { seen, reason, force };
      return given(action === "replays" ? api.POST("/api/letters/replays", { body }) : api.POST("/api/letters/discards", { body }));
    },
    onSettled: forget,
  });
}

/** Start a run of a letter's stage in Airflow, with what the user may do there. */
export function useRun(airflow: string, dag: string) {
  return useMutation({
    mutationFn: () => askAirflow("POST", `${airflow}/api/v2/dags/${encodeURIComponent(dag)}/dagRuns`, { logical_date: null }),
  });
}

/** Change one value of what a letter keeps. */
export function useCorrect(id: string) {
  const forget = useForget();
  return useMutation({
    mutationFn: (body: { revision: string; path: string; value: string; reason: string }) =>
      given(api.POST("/api/letters/{letter_id}/corrections", { params: { path: { letter_id: id } }, body })),
    onSettled: forget,
  });
}

/** What was asked before is asked anew: something was done, or somebody else did something. */
function useForget() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "me" });
}

import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, askAirflow, given, type Question } from "../api/client";

export const ROWS = 100;

/** How much of each kind waits. */
export function useWaiting() {
  return useQuery({ queryKey: ["waiting"], queryFn: () => given(api.GET("/api/waiting")), refetchInterval: 60_000 });
}

const page = (offset: number) => ({ params: { query: { offset, limit: ROWS } } });

/** Of which fields a person says whose value stands. */
export function useQuestions(offset: number) {
  return useQuery({
    queryKey: ["questions", offset],
    queryFn: () => given(api.GET("/api/questions", page(offset))),
    placeholderData: keepPreviousData,
  });
}

/** Of which records a person says whether they are one. */
export function useProposals(offset: number) {
  return useQuery({
    queryKey: ["proposals", offset],
    queryFn: () => given(api.GET("/api/proposals", page(offset))),
    placeholderData: keepPreviousData,
  });
}

/** The documents of which nobody knows whether they arrived. */
export function useUnknown(offset: number) {
  return useQuery({
    queryKey: ["unknown", offset],
    queryFn: () => given(api.GET("/api/unknown", page(offset))),
    placeholderData: keepPreviousData,
  });
}

/** The records that wait longer than they may. */
export function useOverdue(offset: number) {
  return useQuery({
    queryKey: ["overdue", offset],
    queryFn: () => given(api.GET("/api/overdue", page(offset))),
    placeholderData: keepPreviousData,
  });
}

/** Say whether records are one: all of what is said is carried out, or nothing. */
export function useSay(company: string, kind: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (answers: Record<string, "accept" | "refuse">) =>
      given(api.POST("/api/proposals/answers", { body: { company, kind, answers } })),
    onSettled: () => client.invalidateQueries(),
  });
}

/** Answer a question in Airflow, with what the user may do there. */
export function useAnswer(airflow: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ question, option }: { question: Question; option: string }) =>
      askAirflow("PATCH", `${airflow}/api/v2/${question.task}`, { chosen_options: [option], params_input: {} }),
    onSettled: () => client.invalidateQueries(),
  });
}

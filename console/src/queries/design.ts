import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, type FileAsked, type FlowView, type GateView, given, type MappingView, type Place, type TableView } from "../api/client";

/** The kinds of files that are drafted, as addresses name them. */
export type Kind = "flows" | "mappings" | "expectations" | "lookups";

const of = (name: string) => ({ params: { path: { name } } });
const ofKind = (kind: Kind, name: string) => ({ params: { path: { kind, name } } });

/** The flows, mappings and gates there are. */
export function useFiles() {
  return useQuery({ queryKey: ["files"], queryFn: () => given(api.GET("/api/design/files")) });
}

/** A mapping as this user's draft has it, or as it is live; others' drafts are looked for every half minute. */
export function useMapping(name: string) {
  return useQuery({
    queryKey: ["mappings", name],
    queryFn: () => given(api.GET("/api/design/mappings/{name}", of(name))),
    refetchInterval: 30_000,
  });
}

/** The fields of both sides of a mapping, and what is suggested for those that have no rule. */
export function useSides(name: string) {
  return useQuery({
    queryKey: ["sides", name],
    queryFn: () => given(api.GET("/api/design/mappings/{name}/sides", of(name))),
    placeholderData: keepPreviousData,
  });
}

/** What became of the form of both sides since somebody accepted it. */
export function useDrifts(name: string) {
  return useQuery({ queryKey: ["drifts", name], queryFn: () => given(api.GET("/api/design/mappings/{name}/drifts", of(name))) });
}

/** Say that the mapping fits records as they are now. */
export function useAccept(name: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => given(api.POST("/api/design/mappings/{name}/acceptances", of(name))),
    onSuccess: (drifts) => client.setQueryData(["drifts", name], drifts),
  });
}

/** What rules may say; it stays as it is while the server runs. */
export function useLanguage() {
  return useQuery({ queryKey: ["language"], queryFn: () => given(api.GET("/api/design/language")), staleTime: Infinity });
}

/** What a rule would make of the samples as it is being written; nothing is asked while it is as it was. */
export function usePreview(name: string, location: Place, written: string | null) {
  return useQuery({
    queryKey: ["preview", name, location, written],
    queryFn: () =>
      given(api.POST("/api/design/mappings/{name}/previews", { ...of(name), body: { location, written: written ?? "" } })),
    enabled: written !== null,
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });
}

/** What is done with a draft: each answers the file as it is then. */
export function useAct<Wanted>(kind: Kind, name: string, act: (wanted: Wanted) => Promise<MappingView | FlowView | GateView | TableView>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: (file) => client.setQueryData([kind, name], file),
    // refused, somebody else did something; done, the list of files and the audit say so
    onSettled: () => void client.invalidateQueries(),
  });
}

/** Write one thing anew, or take it away (null). */
export function useChange(name: string) {
  return useAct("mappings", name, (body: { seen: number; location: Place; written: string | null }) =>
    given(api.POST("/api/design/mappings/{name}/changes", { ...of(name), body })),
  );
}

type Pair = { target: string; source: string };

/** Let a source field go into a target field. */
export function useDraw(name: string) {
  return useAct("mappings", name, (body: Pair & { seen: number; number: number }) =>
    given(api.POST("/api/design/mappings/{name}/lines", { ...of(name), body })),
  );
}

/** Take suggestions into the draft, refuse others. */
export function useDecide(name: string) {
  return useAct("mappings", name, (body: { seen: number; accepted: Pair[]; refused: Pair[] }) =>
    given(api.POST("/api/design/mappings/{name}/decisions", { ...of(name), body })),
  );
}

/** Begin a mapping that is not there yet. */
export function useBegin() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { name: string; reads: string; writes: string; description: string }) =>
      given(api.POST("/api/design/mappings", { body })),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["files"] }),
  });
}

/** Commit the draft in the user's name. */
export function usePublish(kind: Kind, name: string) {
  return useAct(kind, name, (body: { seen: number; note: string }) =>
    given(api.POST("/api/design/{kind}/{name}/publications", { ...ofKind(kind, name), body })),
  );
}

/** Begin a draft with the text before a publication. */
export function useRollback(kind: Kind, name: string) {
  return useAct(kind, name, (publication: number) =>
    given(api.POST("/api/design/{kind}/{name}/rollbacks", { ...ofKind(kind, name), body: { publication } })),
  );
}

/** Put what the file became since into the draft. */
export function useTakeIn(kind: Kind, name: string) {
  return useAct(kind, name, (body: { seen: number; live: string; choices: ("draft" | "live" | "base")[] }) =>
    given(api.POST("/api/design/{kind}/{name}/merges", { ...ofKind(kind, name), body })),
  );
}

/** Where the draft and the file as it is now changed the same lines. */
export function useClashes(kind: Kind, name: string) {
  return useQuery({
    queryKey: ["clashes", kind, name],
    queryFn: () => given(api.GET("/api/design/{kind}/{name}/clashes", ofKind(kind, name))),
  });
}

/** Give the draft up. */
export function useGiveUp(kind: Kind, name: string) {
  return useAct(kind, name, (seen: number) => given(api.POST("/api/design/{kind}/{name}/discards", { ...ofKind(kind, name), body: { seen } })));
}

/** The difference the draft would have made over the last days. */
export function useTry(kind: Kind, name: string) {
  return useMutation({
    mutationFn: (days: number) =>
      given(api.POST("/api/design/{kind}/{name}/trials", { ...ofKind(kind, name), body: { days, most: 2000 } })),
  });
}

/** Begin a draft of a file that is not there yet. */
export function useBeginFile() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: FileAsked) => given(api.POST("/api/design/beginnings", { body })),
    onSettled: () => void client.invalidateQueries(),
  });
}

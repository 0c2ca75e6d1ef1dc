import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, given } from "../api/client";

const of = (number: number) => ({ params: { path: { number } } });

/** Anybody's draft with what it changes and what is said of it, looked for every half minute. */
export function useReview(number: number) {
  return useQuery({
    queryKey: ["reviews", number],
    queryFn: () => given(api.GET("/api/design/reviews/{number}", of(number))),
    refetchInterval: 30_000,
  });
}

/** Say something of a draft. */
export function useSay(number: number) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (text: string) => given(api.POST("/api/design/reviews/{number}/comments", { ...of(number), body: { text } })),
    onSuccess: (review) => client.setQueryData(["reviews", number], review),
    onSettled: () => void client.invalidateQueries(),
  });
}

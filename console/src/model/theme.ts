/** Airflow's theme, as its pages keep it for this host: light, dark, or as the system has it. */
export function followTheme(): void {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const chosen = window.localStorage.getItem("theme");
    const isDark = chosen === "dark" || (chosen !== "light" && dark.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
  };
  show();
  dark.addEventListener("change", show);
  window.addEventListener("storage", show);
}

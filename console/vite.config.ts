import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Addresses are relative: the server says in <base> where the console lies. No source maps, nothing inlined: the page's
// policy takes scripts and styles from files alone.
export default defineConfig({
  base: "./",
  plugins: [react()],
  // a thread's script has no exports, yet its bundler wants a name for them
  worker: { rollupOptions: { output: { name: "thread" } } },
  build: {
    outDir: "../plugins/pages/console/built",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    target: "es2022",
  },
});

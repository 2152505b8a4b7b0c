import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The server sends `default-src 'self'`: no inline script, no other host. Vite's preload polyfill would be an inline script.
export default defineConfig({
  plugins: [react()],
  base: "/",
  build: {
    outDir: "dist",
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
    rollupOptions: {
      output: {
        manualChunks(id) {
          if (/node_modules\/(echarts|zrender)\//.test(id)) return "echarts";
          if (/node_modules\/(react|react-dom|react-router|react-router-dom|scheduler|@remix-run)\//.test(id)) return "react";
          if (/node_modules\/(@bufbuild|@connectrpc)\//.test(id)) return "connect";
          return undefined;
        },
      },
    },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});

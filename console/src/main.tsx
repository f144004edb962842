import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { Signing } from "./session";
import { applyLook } from "./ui/look";
import { Speaking } from "./words";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/clean.css";
import "./styles/pages.css";

const FONT_MILLISECONDS = 300; // the page waits so long for its type, which then never changes under the reader

applyLook();
await Promise.race([
  document.fonts.load('620 1em "Bricolage"'),
  new Promise((resolve) => setTimeout(resolve, FONT_MILLISECONDS)),
]).catch(() => undefined);
const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Speaking>
        <Signing>
          <App />
        </Signing>
      </Speaking>
    </StrictMode>,
  );
}

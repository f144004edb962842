import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { Signing } from "./session";
import { applyLook } from "./ui/look";
import { setType } from "./ui/type";
import { Speaking } from "./words";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/clean.css";
import "./styles/pages.css";

applyLook();
await setType();
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

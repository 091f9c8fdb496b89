import { define, Live, post } from "./element";

/** <theme-switch> around a form of radios named theme: the light changes at once and is kept on the server. */
class ThemeSwitch extends Live {
  protected started(): void {
    const form = this.querySelector("form");
    if (!form) return;
    this.on(form, "change", (event) => {
      if (!(event.target instanceof HTMLInputElement)) return;
      const theme = event.target.value;
      if (theme) document.documentElement.setAttribute("data-theme", theme);
      else document.documentElement.removeAttribute("data-theme");
      void post(form.action, { theme }).catch(() => undefined);
    });
  }
}

define("theme-switch", ThemeSwitch);

/** Sends a form and says how far it is, which fetch does not tell. It rejects where there is no network. */
export function upload(url: string, form: FormData, progress: (percent: number) => void): Promise<Response> {
  return new Promise((done, refuse) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("Vigie-Script", "1");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress(Math.floor((100 * event.loaded) / event.total));
    });
    request.addEventListener("error", () => refuse(new Error("no network")));
    request.addEventListener("load", () => done(new Response(request.responseText || null, { status: request.status, headers: { "Content-Type": request.getResponseHeader("Content-Type") ?? "" } })));
    request.send(form);
  });
}

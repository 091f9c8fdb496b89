/** What everybody can read, by its French address; the last of them is not there. */
export const publicPages = [
  "/", "/chat", "/message", "/resume", "/resume/mine", "/numbers", "/privacy", "/cards/sextortion", "/young", "/parents", "/professionals", "/guides", "/guides/sextortion",
  "/guides/snapchat-parents", "/guides/self-harm-easy", "/news", "/news/school-autumn", "/figures", "/partners", "/press", "/legal", "/accessibility", "/quiz", "/quiz/parents", "/vault", "/app", "/embed", "/nowhere",
];

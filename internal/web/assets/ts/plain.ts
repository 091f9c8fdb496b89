// For a browser that runs scripts but knows no modules, and so runs none of ours (page.templ: nomodule):
// the page becomes what it is without JavaScript. What stands in each <noscript> takes its place, and the
// page is loaded again when that says so. Built for ES5, which has neither let nor const; whatever knows
// Trusted Types knows modules too, and never runs this.
(function () {
  var waiting = document.getElementsByTagName("noscript"); // shrinks as they are replaced
  var here = location.href.replace(/#.*/, "");
  while (waiting[0]) {
    var box = document.createElement("div");
    box.innerHTML = waiting[0].textContent || "";
    var refresh = box.querySelector("meta[http-equiv=refresh]");
    if (refresh) {
      setTimeout(function () { location.replace(here); }, Number(refresh.getAttribute("content")) * 1000);
      box.removeChild(refresh);
    }
    var place = waiting[0].parentNode;
    while (place && box.firstChild) place.insertBefore(box.firstChild, waiting[0]);
    if (place) place.removeChild(waiting[0]);
  }
})();

// Guides and news: finding one, sending it on.
import "./guide-search";
import "./share-page";

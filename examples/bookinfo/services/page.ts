// The product page as HTML.
import type { DetailsAnswer, Fetched, ReviewsAnswer, Stars } from './answers.ts';

export interface PageContent {
  readonly user: string | undefined;
  readonly details: Fetched<DetailsAnswer>;
  readonly reviews: Fetched<ReviewsAnswer>;
}

/** The look of the page, served as /static/bookinfo.css. */
export const styleSheet = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
header { display: flex; justify-content: space-between; align-items: center; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 2rem; }
dt { font-weight: 600; } dd { margin: 0 0 .4rem; }
blockquote { margin: 0 0 1rem; padding-left: 1rem; border-left: 3px solid #8886; }
.stars-red { color: #c62828; } .error { color: #b71c1c; } footer { margin-top: 2rem; color: #888; }
`;

export function page({ user, details, reviews }: PageContent): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bookinfo</title>
<link rel="stylesheet" href="/static/bookinfo.css">
<header><h1>The Comedy of Errors</h1>${login(user)}</header>
<main>
<section id="details"><h2>Book details</h2>${detailList(details)}</section>
<section id="reviews"><h2>Book reviews</h2>${reviewList(reviews)}</section>
</main>
</html>
`;
}

function login(user: string | undefined): string {
  if (user !== undefined)
    return `<span>Signed in as <b>${escapeHtml(user)}</b> · <a href="/logout">sign out</a></span>`;
  return '<form action="/login"><input name="username" placeholder="user name" aria-label="user name"> <button>sign in</button></form>';
}

function detailList({ value }: PageContent['details']): string {
  if (value === undefined) return '<p class="error">Sorry, the details of this book are unavailable.</p>';
  const rows = Object.entries(value).filter(([key]) => key !== 'id');
  return `<dl>${rows.map(([key, fact]) => `<dt>${escapeHtml(key)}</dt><dd>${escapeHtml(String(fact))}</dd>`).join('')}</dl>`;
}

function reviewList({ value }: PageContent['reviews']): string {
  if (value === undefined) return '<p class="error">Sorry, the reviews of this book are unavailable.</p>';
  const quotes = value.reviews.map(
    ({ reviewer, text, rating }) =>
      `<blockquote><p>${escapeHtml(text)}</p><p>${escapeHtml(reviewer)} ${stars(rating)}</p></blockquote>`,
  );
  return `${quotes.join('')}<footer>Reviews served by: <span id="reviews-version">${escapeHtml(value.version)}</span> ${escapeHtml(value.podname)}</footer>`;
}

function stars(rating: Stars | undefined): string {
  if (rating === undefined) return '';
  if (rating.stars === undefined) return `<span class="error">${escapeHtml(rating.error ?? '')}</span>`;
  const count = Math.min(5, Math.max(0, Math.round(rating.stars)));
  const shown = '★'.repeat(count) + '☆'.repeat(5 - count);
  return `<span class="stars-${escapeHtml(rating.color ?? '')}" title="${count} of 5">${shown}</span>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

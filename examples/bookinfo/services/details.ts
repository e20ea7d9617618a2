// Facts about a book: GET /details/ID.
import { sendJson, serve } from './server.ts';

const book = {
  title: 'The Comedy of Errors',
  author: 'William Shakespeare',
  year: 1595,
  type: 'paperback',
  pages: 200,
  publisher: 'Harbour Press',
  language: 'English',
};

serve('details', (_request, response, url) => {
  const id = /^\/details\/(\d+)$/.exec(url.pathname)?.[1];
  if (id === undefined) return sendJson(response, 404, { error: 'no such page; try /details/0' });
  sendJson(response, 200, { id: Number(id), ...book });
});

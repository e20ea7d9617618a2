import { afterEach, expect, it } from 'vitest';
import type { HttpConnectionManager } from '../../xds/resources.ts';
import { closeAll, routesOf, send, startTestProxy } from '../test-proxy.ts';

afterEach(closeAll);

const CONFIG: NonNullable<HttpConnectionManager['local_reply_config']> = {
  mappers: [
    {
      filter: {
        status_code_filter: { comparison: { op: 'EQ', value: { default_value: 418, runtime_key: 'k' } } },
      },
      status_code: 429,
      body: { inline_string: 'later' },
      headers_to_add: [{ header: { key: 'x-was', value: '%RESPONSE_CODE%' } }],
    },
    {
      filter: { header_filter: { header: { name: 'x-text', present_match: true } } },
      body_format_override: { text_format: 'é %LOCAL_REPLY_BODY%', content_type: 'text/own' },
    },
  ],
  body_format: { json_format: { message: '%LOCAL_REPLY_BODY%', status: '%RESPONSE_CODE%' } },
};

async function startConfigured() {
  return startTestProxy({
    routes: routesOf({
      match: { prefix: '/tea' },
      direct_response: { status: 418, body: { inline_string: 'tea' } },
    }),
    manager: { local_reply_config: CONFIG, use_remote_address: true },
  });
}

it('the first mapper that takes an answer changes its status, text and headers; a format makes the body', async () => {
  const { port } = await startConfigured();
  const tea = await send(port, { path: '/tea' });
  expect(tea).toMatchObject({ status: 429, body: '{"message":"later","status":429}\n' });
  expect(tea.headers).toMatchObject({ 'content-type': 'application/json', 'x-was': '418' });
  const text = await send(port, { path: '/none', headers: { 'x-text': '1' } });
  expect(text).toMatchObject({ status: 404, body: Buffer.from('é ').toString('latin1') });
  expect(text.headers).toMatchObject({ 'content-type': 'text/own', 'content-length': '3' });
  expect((await send(port, { path: '/none' })).body).toBe('{"message":"","status":404}\n');
});

it('gRPC callers get it as status and message', async () => {
  const { port } = await startConfigured();
  const answer = await send(port, { path: '/tea', headers: { 'content-type': 'application/grpc' } });
  expect(answer).toMatchObject({ status: 200, body: '' });
  expect(answer.headers).toMatchObject({
    'grpc-status': '14',
    'grpc-message': '{"message":"later","status":429}',
  });
});

it('what a request does not have becomes no header of the answer', async () => {
  const headers_to_add = [{ header: { key: 'x-request-id', value: '%REQ(X-REQUEST-ID)%' } }];
  const filter = {
    status_code_filter: { comparison: { value: { default_value: 404, runtime_key: 'k' } } },
  };
  const { port } = await startTestProxy({
    routes: routesOf(),
    manager: { generate_request_id: false, local_reply_config: { mappers: [{ filter, headers_to_add }] } },
  });
  expect((await send(port)).headers).not.toHaveProperty('x-request-id');
  expect((await send(port, { headers: { 'x-request-id': 'a' } })).headers).toHaveProperty(
    'x-request-id',
    'a',
  );
});

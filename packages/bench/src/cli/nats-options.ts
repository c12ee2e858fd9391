/** Options of the commands that use a NATS server. */
import { file, text } from './declaration.ts';

export const NATS_OPTIONS = {
  creds: file('--creds <file>', 'credentials for the NATS server'),
  tlsCa: file('--tls-ca <file>', "PEM file of the authority that signed the server's certificate"),
  tlsCert: file('--tls-cert <file>', "PEM file of this client's certificate"),
  tlsKey: file('--tls-key <file>', "PEM file of the key of this client's certificate"),
};

export const on = (help: string) => text('--on <url>', help);

import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its key, in PEM: options of `https.createServer`. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** The DNS name, or the IPv4 address, it is for. */
  readonly host: string;
  readonly validFrom?: Date;
  readonly validTo?: Date;
  /** Who signs it. Default: it signs itself. */
  readonly issuer?: Certificate & { readonly name: string };
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = [1, 2, 840, 10_045, 4, 3, 2];
const COMMON_NAME = [2, 5, 4, 3];
const ALTERNATIVE_NAME = [2, 5, 29, 17];
const BASIC_CONSTRAINTS = [2, 5, 29, 19];

/** An X.509 certificate made here and now, without another program: only what a TLS server on this machine needs. */
export function certificateFor(host: string, options: Omit<CertificateOptions, "host"> = {}): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { validFrom = new Date(Date.now() - DAY_MS), validTo = new Date(Date.now() + DAY_MS), issuer } = options;
  const algorithm = sequence(objectId(ECDSA_WITH_SHA256));
  const extensions = sequence(
    sequence(objectId(ALTERNATIVE_NAME), octets(sequence(alternative(host)))),
    sequence(objectId(BASIC_CONSTRAINTS), octets(sequence(tagged(0x01, Buffer.from([0xff]))))),
  );
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOf(issuer?.name ?? host),
    sequence(timeOf(validFrom), timeOf(validTo)),
    nameOf(host),
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, extensions),
  );
  const signer: KeyObject = issuer ? createPrivateKey(issuer.key) : privateKey;
  const signature = sign("sha256", body, signer);
  const whole = sequence(body, algorithm, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  return { cert: pem(whole), key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

/** A certificate and its key, in files too. */
export interface CertificateFiles extends Certificate {
  readonly keyFile: string;
  readonly certificateFile: string;
}

let made: CertificateFiles | undefined;

/** That of 127.0.0.1, made anew in each run. A process trusts it by `NODE_EXTRA_CA_CERTS`. */
export function loopbackCertificate(): CertificateFiles {
  if (made) return made;
  const folder = mkdtempSync(join(tmpdir(), "azmutex-certificate-"));
  const certificate = certificateFor("127.0.0.1");
  const files = { keyFile: join(folder, "key.pem"), certificateFile: join(folder, "certificate.pem") };
  writeFileSync(files.keyFile, certificate.key);
  writeFileSync(files.certificateFile, certificate.cert);
  made = { ...certificate, ...files };
  return made;
}

function alternative(host: string): Buffer {
  return isIPv4(host) ? tagged(0x87, Buffer.from(host.split(".").map(Number))) : tagged(0x82, Buffer.from(host));
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

/** DER: a tag, a length, a value. */
function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  const bytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), value]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => tagged(0x30, ...parts);
const octets = (value: Buffer): Buffer => tagged(0x04, value);
const nameOf = (host: string): Buffer =>
  sequence(tagged(0x31, sequence(objectId(COMMON_NAME), tagged(0x0c, Buffer.from(host)))));

function timeOf(date: Date): Buffer {
  return tagged(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]|\.\d+/g, "")}`));
}

function objectId([first = 0, second = 0, ...others]: readonly number[]): Buffer {
  return tagged(0x06, Buffer.from([first * 40 + second, ...others.flatMap(base128)]));
}

function base128(number: number): number[] {
  const digits = [number & 0x7f];
  for (let rest = number >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A key and a certificate of 127.0.0.1, in files and in memory. */
export interface Certificate {
  readonly keyFile: string;
  readonly certificateFile: string;
  readonly key: Buffer;
  readonly cert: Buffer;
}

let made: Certificate | undefined;

/** Made anew in each run, by openssl. Throws where there is none. A process trusts it by `NODE_EXTRA_CA_CERTS`. */
export function certificate(): Certificate {
  made ??= make();
  return made;
}

function make(): Certificate {
  const folder = mkdtempSync(join(tmpdir(), "azmutex-certificate-"));
  const keyFile = join(folder, "key.pem");
  const certificateFile = join(folder, "certificate.pem");
  const words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1";
  const { error, status, stderr } = spawnSync(
    "openssl",
    [...words.split(" "), "-keyout", keyFile, "-out", certificateFile],
    {
      encoding: "utf8",
    },
  );
  if (error) throw error;
  if (status !== 0) throw new Error(`openssl makes no certificate:\n${stderr}`);
  return { keyFile, certificateFile, key: readFileSync(keyFile), cert: readFileSync(certificateFile) };
}

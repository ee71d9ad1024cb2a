/** The browser's two passkey ceremonies, in the wire's words. Source: W3C Web Authentication, level 3, §5.1. */
import type { PasskeyAnswer, PasskeyCreated } from '../../api/operator.ts';
import { fromBase64Url, toBase64Url } from '../../core/base64url.ts';
import type { PasskeyChallenge, PasskeyRequest } from '../../core/console_wire.ts';
import { Problem } from '../../core/problem.ts';

const TIMEOUT_MS = 120_000;

/** COSE numbers of the signatures the registry takes: Ed25519, ES256, RS256. */
const ALGORITHMS = [-8, -7, -257];

/** Whether this browser has passkeys at all. */
export function hasPasskeys(): boolean {
  return 'PublicKeyCredential' in window;
}

/**
 * Let the person make a passkey.
 *
 * @throws Problem `passkey.cancelled` if they, or the device, did not.
 */
export async function createPasskey({ rpId, challenge, userId, userName }: PasskeyRequest): Promise<PasskeyCreated> {
  const credential = await asked(
    navigator.credentials.create({
      publicKey: {
        rp: { id: rpId, name: 'Takeback registry' },
        user: { id: fromBase64Url(userId), name: userName, displayName: userName },
        challenge: fromBase64Url(challenge),
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        attestation: 'none',
        timeout: TIMEOUT_MS,
      },
    }),
  );
  if (!(credential.response instanceof AuthenticatorAttestationResponse)) throw new Problem('passkey.cancelled');
  return {
    credential_id: encoded(credential.rawId),
    client_data: encoded(credential.response.clientDataJSON),
    attestation: encoded(credential.response.attestationObject),
  };
}

/**
 * Let the person answer with a passkey they have.
 *
 * @throws Problem `passkey.cancelled` if they, or the device, did not.
 */
export async function answerWithPasskey({ rpId, challenge }: PasskeyChallenge): Promise<PasskeyAnswer> {
  const credential = await asked(
    navigator.credentials.get({
      publicKey: { rpId, challenge: fromBase64Url(challenge), userVerification: 'required', timeout: TIMEOUT_MS },
    }),
  );
  if (!(credential.response instanceof AuthenticatorAssertionResponse)) throw new Problem('passkey.cancelled');
  return {
    credential_id: encoded(credential.rawId),
    client_data: encoded(credential.response.clientDataJSON),
    authenticator_data: encoded(credential.response.authenticatorData),
    signature: encoded(credential.response.signature),
  };
}

async function asked(answer: Promise<Credential | null>): Promise<PublicKeyCredential> {
  let credential: Credential | null;
  try {
    credential = await answer;
  } catch {
    throw new Problem('passkey.cancelled');
  }
  if (!(credential instanceof PublicKeyCredential)) throw new Problem('passkey.cancelled');
  return credential;
}

function encoded(buffer: ArrayBuffer): string {
  return toBase64Url(new Uint8Array(buffer));
}

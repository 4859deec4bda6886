//! What callers are told of errors, in German.

use crate::identity::{
    AppError, AuthorizeError, FormError, NoScopeError, PasswordError, ScopeSet, UnanswerableError,
    UserError,
};
use crate::issuer::directory::{DirectoryError, KnownPasswords, Thing};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::keys::KeyRotationError;

/// None for what only a defect, or a form that was made by hand, brings about.
pub(super) fn of(error: &EndpointError) -> Option<String> {
    let text = match error {
        EndpointError::Directory(error) => return of_directory(error),
        EndpointError::BadLogin => "Der Name oder das Passwort ist falsch.".to_owned(),
        EndpointError::WrongPassword => "Das bisherige Passwort ist falsch.".to_owned(),
        EndpointError::RegistrationClosed => {
            "Hier kann sich niemand selbst registrieren: Ein Administrator richtet das Konto ein."
                .to_owned()
        }
        EndpointError::NotFound => "Diese Seite gibt es nicht.".to_owned(),
        EndpointError::BodyTooLarge => "Das Formular ist zu lang.".to_owned(),
        EndpointError::BodyBroken => "Das Formular kam nicht vollständig an.".to_owned(),
        EndpointError::Throttled {
            retry_after_seconds,
        } => format!(
            "Zu viele Versuche: Bitte versuche es in {retry_after_seconds} Sekunden noch einmal."
        ),
        EndpointError::TimedOut
        | EndpointError::Panicked
        | EndpointError::Hashing(_)
        | EndpointError::Store(_)
        | EndpointError::Cryptography(_) => {
            "Das geht gerade nicht: Bitte versuche es gleich noch einmal.".to_owned()
        }
        EndpointError::Parameter(name) | EndpointError::ParameterValue { name, .. } => {
            format!("Der Parameter `{name}` ist nicht gültig.")
        }
        EndpointError::UnknownParameter(name) => {
            format!("Die Adresse hat einen unbekannten Parameter: {name}.")
        }
        EndpointError::Form(FormError::Encoding) => {
            "Die Adresse oder das Formular ist nicht richtig kodiert.".to_owned()
        }
        EndpointError::Form(FormError::Duplicate) => {
            "Die Adresse oder das Formular nennt etwas zweimal.".to_owned()
        }
        EndpointError::ContentType(_)
        | EndpointError::ContentEncoding
        | EndpointError::Json(_)
        | EndpointError::TrailingComma(_)
        | EndpointError::ParametersInUrl
        | EndpointError::Missing(_)
        | EndpointError::SeveralCallers
        | EndpointError::ScopeNeeded(_)
        | EndpointError::NoGate
        | EndpointError::SeveralClientCredentials
        | EndpointError::BadClient
        | EndpointError::UnsupportedGrant
        | EndpointError::UnauthorizedClient
        | EndpointError::InvalidTarget(_)
        | EndpointError::NothingGranted(_)
        | EndpointError::BadScope(_)
        | EndpointError::ScopeBeyondGrant
        | EndpointError::BadPasswordGrant
        | EndpointError::BadRefreshToken
        | EndpointError::SecondFactorNeeded
        | EndpointError::PasskeyFirst
        | EndpointError::BadCode
        | EndpointError::MethodNotAllowed
        | EndpointError::Gate { .. }
        | EndpointError::CallerChanged
        | EndpointError::BearerWithoutPasskey
        | EndpointError::BadBearer
        | EndpointError::Unguarded => return None,
    };
    Some(text)
}

fn of_directory(error: &DirectoryError) -> Option<String> {
    let text = match error {
        DirectoryError::NotFound(thing) => not_found(*thing).to_owned(),
        DirectoryError::NameTaken(thing) => taken(*thing).to_owned(),
        DirectoryError::Replaced { thing, name } => replaced(*thing, name),
        DirectoryError::LastAdministrator => {
            "Danach gäbe es keinen Administrator mehr: Ein aktiver Benutzer mit allen `backend.*`-Berechtigungen \
             muss bleiben. Gib sie zuerst jemand anderem."
                .to_owned()
        }
        DirectoryError::Own(name) => {
            format!("`{name}` gehört zum System und kann weder umbenannt noch gelöscht werden.")
        }
        DirectoryError::Reserved => {
            "Namen mit `backend.` oder `consumer.` am Anfang sind vergeben: Bitte wähle einen anderen.".to_owned()
        }
        DirectoryError::DefaultRole => {
            "Diese Rolle bekommen neue Benutzer: Bestimme zuerst eine andere als Standard.".to_owned()
        }
        DirectoryError::EverybodyAdministrator => {
            "Die Rolle für neue Benutzer darf keine `backend.*`-Berechtigung haben: Alle bekämen sie.".to_owned()
        }
        DirectoryError::Beyond(scopes) => beyond(scopes),
        DirectoryError::BeyondRoles(role) => {
            format!("Dir selbst kannst du keine Rolle geben, die du nicht hast: {role}.")
        }
        DirectoryError::TooManyRoles
        | DirectoryError::TooManyScopes
        | DirectoryError::TooManyRevocations
        | DirectoryError::ShareUsedUp
        | DirectoryError::Full(_)
        | DirectoryError::TooManyApps
        | DirectoryError::TooManyRedirectUris
        | DirectoryError::TooManyPasskeys => too_many(error)?.to_owned(),
        DirectoryError::BeyondOwner(scopes) => {
            format!("Eine App kann nicht mehr dürfen als ihr Besitzer. Es fehlen: {scopes}.")
        }
        DirectoryError::KnownPasswords(known) => known_passwords(known),
        DirectoryError::UnknownScope(name) => format!("Die Berechtigung `{name}` gibt es nicht."),
        DirectoryError::UnknownRole(name) => format!("Die Rolle `{name}` gibt es nicht."),
        DirectoryError::Scope(_) => {
            "Ein solcher Name hat 1 bis 128 Zeichen aus ASCII, ohne Leerzeichen, Komma, Anführungszeichen und \
             umgekehrten Schrägstrich."
                .to_owned()
        }
        DirectoryError::NotAddressable => {
            "Der Name wird Teil von Adressen: ohne `/`, `;` und `%`, und nicht `.` oder `..`.".to_owned()
        }
        DirectoryError::Description(_) => {
            "Eine Beschreibung ist eine Zeile mit höchstens 256 Zeichen.".to_owned()
        }
        DirectoryError::User(error) => user(*error).to_owned(),
        DirectoryError::App(error) => app(*error).to_owned(),
        DirectoryError::SecretReplaced => {
            "Das Geheimnis ist inzwischen schon ersetzt: Öffne die Seite noch einmal.".to_owned()
        }
        DirectoryError::Password(error) => password(*error).to_owned(),
        DirectoryError::PasskeyName(_) => {
            "Der Name eines Passkeys ist eine Zeile mit 1 bis 64 Zeichen.".to_owned()
        }
        DirectoryError::PasskeyTaken => "Diesen Passkey gibt es hier schon: Lege einen anderen an.".to_owned(),
        DirectoryError::LastPasskey => {
            "Administratoren brauchen hier einen Passkey: Füge erst einen anderen hinzu, bevor du diesen entfernst."
                .to_owned()
        }
        DirectoryError::KeyRotation(error) => key_rotation(error).to_owned(),
        DirectoryError::Hashing(_) | DirectoryError::Store(_) | DirectoryError::Cryptography(_) => {
            "Das geht gerade nicht: Bitte versuche es gleich noch einmal.".to_owned()
        }
        DirectoryError::RoleExtended => {
            "Die Rolle hat Berechtigungen bekommen oder ist zum Standard geworden, während sie gelöscht wurde. Was sie \
             hatte, ist weg, und sie ist noch da: Lösche sie noch einmal."
                .to_owned()
        }
        DirectoryError::NotHeld {
            holder,
            thing,
            name,
        } => format!("`{holder}` hat {} `{name}` nicht.", the(*thing)),
        DirectoryError::CannotFollow => {
            "Nur wer alles hat, was die Rollen des Besitzers geben, kann eine App dem Besitzer folgen lassen.".to_owned()
        }
        DirectoryError::DisabledByAdministrator => {
            "Ein Administrator hat diese App gesperrt: Nur ein Administrator kann sie wieder freigeben.".to_owned()
        }
        DirectoryError::Id => {
            "Die Kennung eines Zugriffs (sid) oder Tokens (jti) hat 1 bis 64 Buchstaben und Ziffern.".to_owned()
        }
        DirectoryError::ScopeInUse(_)
        | DirectoryError::InUse(_)
        | DirectoryError::Follower
        | DirectoryError::ListAndOwner
        | DirectoryError::AllAndSome(_)
        | DirectoryError::Status(_)
        | DirectoryError::Changed
        | DirectoryError::NotFresh { .. }
        | DirectoryError::Overlap
        | DirectoryError::WhatToRevoke => return None,
    };
    Some(text)
}

fn beyond(scopes: &ScopeSet) -> String {
    format!(
        "Deinem Konto fehlt {scopes}: Was du nicht hast, kannst du weder geben noch nehmen noch ändern. Ein \
         Administrator, der es hat, kann das."
    )
}

fn known_passwords(known: &KnownPasswords) -> String {
    let setter = match &known.set_by {
        Some(name) => format!("`{}`", name.as_str()),
        None => "ein Administrator, den es nicht mehr gibt,".to_owned(),
    };
    let others = match known.others {
        0 => String::new(),
        others => format!(" und {others} weiteren"),
    };
    format!(
        "Das Passwort von `{}`{others} hat {setter} am {} gesetzt, ohne diese Berechtigungen selbst zu haben: Zuerst \
         muss der Benutzer es ersetzen, in seinem Konto oder über einen Link.",
        known.user.as_str(),
        known.at
    )
}

/// Of what there are more than there may be.
fn too_many(error: &DirectoryError) -> Option<&'static str> {
    Some(match error {
        DirectoryError::TooManyRoles => "Mehr als 64 Rollen kann ein Benutzer nicht haben.",
        DirectoryError::TooManyScopes => {
            "Mehr als 1000 Berechtigungen kann eine Rolle oder App nicht haben."
        }
        DirectoryError::TooManyRevocations => {
            "Du hast so viele Zugriffe und Tokens einzeln widerrufen, wie auf einmal vorgemerkt werden: Widerrufe die \
             Tokens ihrer Benutzer oder Apps, oder warte, bis die früheren abgelaufen sind."
        }
        DirectoryError::ShareUsedUp => {
            "Du hast anderen so viel weggenommen, wie auf einmal vorgemerkt wird: Warte, bis das Frühere abgelaufen ist, \
             oder frage einen Administrator, der alle `backend.*`-Berechtigungen hat."
        }
        DirectoryError::Full(Thing::Role) => {
            "Mehr als 10000 Rollen kann es nicht geben: Lösche erst eine, die nicht gebraucht wird."
        }
        DirectoryError::Full(_) => {
            "Mehr als 10000 Berechtigungen kann es nicht geben: Lösche erst eine, die nicht gebraucht wird."
        }
        DirectoryError::TooManyApps => "Mehr als 16 Apps kann ein Benutzer nicht haben.",
        DirectoryError::TooManyRedirectUris => {
            "Mehr als 16 Rückkehradressen kann eine App nicht haben."
        }
        DirectoryError::TooManyPasskeys => "Mehr als 16 Passkeys kann ein Benutzer nicht haben.",
        _ => return None,
    })
}

fn key_rotation(error: &KeyRotationError) -> &'static str {
    match error {
        KeyRotationError::TooMany => {
            "Es sind schon so viele Schlüssel bekannt, wie geprüft werden: Warte, bis einige abgelaufen sind, oder \
             ziehe alle sofort zurück."
        }
        KeyRotationError::Files => {
            "Die Schlüssel stehen in `issuer.keys.files`: Schreibe den neuen ans Ende der Liste, und wenn alle Gates ihn \
             kennen, an den Anfang."
        }
        KeyRotationError::Contended => {
            "Jemand anderes wechselt gerade die Schlüssel: Versuche es noch einmal."
        }
        KeyRotationError::Store(_)
        | KeyRotationError::Cryptography(_)
        | KeyRotationError::Key(_) => {
            "Das geht gerade nicht: Bitte versuche es gleich noch einmal."
        }
    }
}

/// The thing with its article, as the object of a sentence.
fn the(thing: Thing) -> &'static str {
    match thing {
        Thing::User => "den Benutzer",
        Thing::Role => "die Rolle",
        Thing::Scope => "die Berechtigung",
        Thing::App => "die App",
        Thing::Grant => "den Zugriff",
        Thing::Passkey => "den Passkey",
        Thing::ResetLink => "den Link",
    }
}

fn replaced(thing: Thing, name: &str) -> String {
    let what = match thing {
        Thing::User => "Der Benutzer",
        Thing::Role => "Die Rolle",
        Thing::Scope => "Die Berechtigung",
        Thing::App => "Die App",
        Thing::Grant => "Der Zugriff",
        Thing::Passkey => "Der Passkey",
        Thing::ResetLink => "Der Link",
    };
    format!(
        "{what} `{name}` wurde umbenannt oder ersetzt, seit diese Seite gemacht wurde. Nichts wurde geändert."
    )
}

fn not_found(thing: Thing) -> &'static str {
    match thing {
        Thing::User => "Diesen Benutzer gibt es nicht.",
        Thing::Role => "Diese Rolle gibt es nicht.",
        Thing::Scope => "Diese Berechtigung gibt es nicht.",
        Thing::App => "Diese App gibt es nicht.",
        Thing::Grant => "Diesen Zugriff gibt es nicht.",
        Thing::Passkey => "Diesen Passkey gibt es nicht.",
        Thing::ResetLink => {
            "Dieser Link gilt nicht oder nicht mehr: Bitte den Betreiber um einen neuen."
        }
    }
}

fn taken(thing: Thing) -> &'static str {
    match thing {
        Thing::User => "Der Benutzername oder die E-Mail-Adresse ist schon vergeben.",
        Thing::Role => "Eine andere Rolle heißt schon so.",
        Thing::Scope => "Eine andere Berechtigung heißt schon so.",
        Thing::App => "Du hast schon eine App mit diesem Namen.",
        Thing::Grant | Thing::Passkey | Thing::ResetLink => "Die Kennung ist schon vergeben.",
    }
}

/// The rest of a sentence: why a request of an app cannot be answered.
pub(super) fn of_unanswerable(error: UnanswerableError) -> &'static str {
    match error {
        UnanswerableError::Damaged => "die Adresse ist beschädigt oder zu lang",
        UnanswerableError::NoClient => "die Adresse nennt keine App (`client_id`)",
        UnanswerableError::UnknownClient => "die App gibt es nicht, oder sie ist gesperrt",
        UnanswerableError::BadRedirectUri => {
            "die Rückkehradresse (`redirect_uri`) ist keine, die für die App eingetragen ist"
        }
    }
}

/// The same where the app would be told, and nobody is logged in.
pub(super) fn of_authorize(error: AuthorizeError) -> &'static str {
    match error {
        AuthorizeError::Repeated => "ein Parameter kommt zweimal vor",
        AuthorizeError::NoResponseType => "der Parameter `response_type` fehlt",
        AuthorizeError::UnsupportedResponseType => "als `response_type` gibt es nur `code`",
        AuthorizeError::UnsupportedResponseMode => "als `response_mode` gibt es nur `query`",
        AuthorizeError::NoChallenge => {
            "PKCE ist nötig: `code_challenge` und `code_challenge_method=S256`"
        }
        AuthorizeError::UnsupportedChallengeMethod => {
            "als `code_challenge_method` gibt es nur `S256`"
        }
        AuthorizeError::BadChallenge => "die `code_challenge` ist kein SHA-256 in base64url",
        AuthorizeError::BadScope(_) => {
            "die Berechtigungen (`scope`) sind nicht richtig geschrieben"
        }
        AuthorizeError::BadResource => {
            "eine `resource` ist unbekannt oder keine vollständige Adresse ohne Fragment"
        }
        AuthorizeError::NothingGranted(NoScopeError::User) => {
            "von den Berechtigungen hat der Benutzer keine"
        }
        AuthorizeError::NothingGranted(_) => "keine der Berechtigungen kann vergeben werden",
        AuthorizeError::Denied => "der Benutzer hat abgelehnt",
    }
}

fn user(error: UserError) -> &'static str {
    match error {
        UserError::Username => {
            "Ein Benutzername hat 3 bis 64 Buchstaben ohne Umlaute, Ziffern, `_`, `.` oder `-`."
        }
        UserError::Email => "Das ist keine E-Mail-Adresse.",
    }
}

fn app(error: AppError) -> &'static str {
    match error {
        AppError::Name => {
            "Der Name einer App hat 1 bis 64 Zeichen: Buchstaben und Ziffern, einzelne Leerzeichen dazwischen und \
             `_-.,:+&'()/`."
        }
        AppError::RedirectUri => {
            "Eine Rückkehradresse beginnt mit `https://`, oder mit `http://` auf diesem Rechner. Ein Port ist von 1 \
             bis 65535, und sie hat weder Benutzer noch Fragment, `.` oder `..` im Pfad, Leerzeichen oder andere \
             Zeichen als ASCII."
        }
        AppError::Description => {
            "Die Beschreibung einer App hat höchstens 500 Zeichen in höchstens 10 Zeilen und nichts Unsichtbares."
        }
        AppError::Link => {
            "Der Link einer App hat höchstens 2048 Zeichen ASCII und beginnt mit `https://`, oder mit `http://` auf \
             diesem Rechner. Er hat weder Benutzer noch Leerzeichen, `.` oder `..` im Pfad."
        }
    }
}

fn password(error: PasswordError) -> &'static str {
    match error {
        PasswordError::TooShort => "Das Passwort ist zu kurz: mindestens 8 Zeichen.",
        PasswordError::TooLong => "Das Passwort ist zu lang: höchstens 128 Zeichen.",
        PasswordError::Control => "Das Passwort enthält ein Steuerzeichen.",
        PasswordError::Context => {
            "Dieses Passwort ist zu leicht zu erraten: Ohne die Wörter deines Namens, deiner E-Mail-Adresse und dieser \
             Seite müssen mindestens 8 Zeichen übrig bleiben."
        }
        PasswordError::Guessable => "Dieses Passwort ist zu verbreitet: Bitte wähle ein anderes.",
    }
}

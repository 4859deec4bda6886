//! Rows of users.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};

use super::columns::{position, roles, scopes, status, username};
use super::connections::Held;
use super::statement::{assembled, chunks, placeholder_rows, placeholders};
use super::{Change, Created, Listing, Page, Store, StoreError, created};
use crate::clock::UnixSeconds;
use crate::identity::{Email, RoleName, Status, User, UserId, Username};

/// Roles and scopes are looked up each time: a user has what its roles have now.
const SELECT: &str = "\
    SELECT u.id, u.username, u.email, u.status, u.password_hash, u.created_at, \
    h.position AS as_of, CASE WHEN u.revoked_through < h.everyone_through \
      THEN h.everyone_through ELSE u.revoked_through END AS revoked_through, \
    COALESCE((SELECT string_agg(r.role, ' ') FROM user_roles r WHERE r.user_id = u.id), '') \
      AS roles, \
    COALESCE((SELECT string_agg(s.scope, ' ') FROM user_roles r \
      JOIN role_scopes s ON s.role = r.role WHERE r.user_id = u.id), '') AS scopes, \
    (SELECT COUNT(*) FROM passkeys p WHERE p.user_id = u.id) AS passkeys \
    FROM users u CROSS JOIN revocation_head h";

const MAX_LOGIN_BYTES: usize = 256;

/// A user and what its password hashes to, in the form of the password hashing competition.
#[derive(Debug)]
pub struct Credentials {
    pub user: User,
    pub password_hash: String,
}

/// Which users are asked for; what is empty or absent asks for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// A part of a name or address.
    pub search: String,
    /// A role that they have.
    pub role: String,
    pub status: Option<Status>,
}

/// By what somebody logs in: a username or an e-mail address, which never look alike.
#[derive(Debug)]
pub struct LoginName(String);

impl LoginName {
    /// Takes what somebody typed; nothing where no name can be meant.
    pub fn parse(text: &str) -> Option<Self> {
        let possible = text.len() <= MAX_LOGIN_BYTES && !text.contains('\0');
        possible.then(|| Self(text.to_lowercase()))
    }
}

impl Store {
    /// Adds a user with its roles.
    pub async fn add_user(&self, user: &User, password_hash: &str) -> Result<Created, StoreError> {
        let mut change = self.change(user.created_at).await?;
        let created = change.add_user(user, password_hash).await?;
        if created == Created::Yes {
            // Somebody more leaves as many administrators.
            let _ = change.commit().await?;
        }
        Ok(created)
    }

    /// A user with its roles and scopes of now.
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        with_id(&self.reader, id).await
    }

    /// Who logs in under this name.
    pub async fn credentials(&self, name: &LoginName) -> Result<Option<Credentials>, StoreError> {
        let text = format!("{SELECT} WHERE u.folded_username = $1 OR u.folded_email = $1");
        let row = sqlx::query(assembled(text))
            .bind(&name.0)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_credentials).transpose()
    }

    /// The same of the user with this id.
    pub async fn credentials_of(&self, id: &UserId) -> Result<Option<Credentials>, StoreError> {
        let row = sqlx::query(assembled(format!("{SELECT} WHERE u.id = $1")))
            .bind(id.as_str())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_credentials).transpose()
    }

    /// The user of this name, in whatever case it is written.
    pub async fn user_named(&self, name: &Username) -> Result<Option<User>, StoreError> {
        named(&self.reader, name).await
    }

    /// The users that a filter lets through.
    pub async fn users(
        &self,
        filter: &UserFilter,
        page: &Page,
    ) -> Result<Listing<User>, StoreError> {
        let status = filter.status.map(Status::name);
        let mut query = sqlx::query(assembled(list_text(filter)))
            // By name and not by offset: a user that is added or deleted meanwhile shifts no page.
            .bind(page.after.to_lowercase())
            .bind(containing(&filter.search.to_lowercase()))
            .bind(page.rows());
        for value in [filter.role.as_str(), status.unwrap_or_default()] {
            if !value.is_empty() {
                query = query.bind(value.to_owned());
            }
        }
        let rows = query.fetch_all(&self.reader).await?;
        let users = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listing::of(users, page, |user: &User| {
            user.username.folded()
        }))
    }

    /// Replaces the hash of a password, unless somebody else has meanwhile.
    pub async fn replace_password_hash(
        &self,
        id: &UserId,
        earlier: &str,
        hash: &str,
    ) -> Result<(), StoreError> {
        // Only over the hash that was checked: a password that was changed meanwhile must not be
        // undone.
        let text = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
        sqlx::query(text)
            .bind(id.as_str())
            .bind(earlier)
            .bind(hash)
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

impl Change {
    /// Adds a user with its roles, all of which exist. Where a name is taken the change is over.
    pub async fn add_user(
        &mut self,
        user: &User,
        password_hash: &str,
    ) -> Result<Created, StoreError> {
        let text = "INSERT INTO users (id, username, folded_username, email, folded_email, \
                    status, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let inserted = sqlx::query(text)
            .bind(user.id.as_str())
            .bind(user.username.as_str())
            .bind(user.username.folded())
            .bind(user.email.as_str())
            .bind(user.email.folded())
            .bind(user.status.name())
            .bind(password_hash)
            .bind(user.created_at.0)
            .execute(&mut *self.transaction)
            .await;
        if created(inserted.map(|_| ()))? == Created::NameTaken {
            return Ok(Created::NameTaken);
        }
        self.add_user_roles(&user.id, &user.roles).await?;
        Ok(Created::Yes)
    }

    /// Whether there is any user.
    pub async fn has_users(&mut self) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT id FROM users LIMIT 1")
            .fetch_optional(&mut *self.transaction)
            .await?;
        Ok(row.is_some())
    }

    /// The user of this name.
    pub async fn user_named(&mut self, name: &Username) -> Result<Option<User>, StoreError> {
        named(&mut *self.transaction, name).await
    }

    /// The user with this id.
    pub async fn user(&mut self, id: &UserId) -> Result<Option<User>, StoreError> {
        with_id(&mut *self.transaction, id).await
    }

    /// Gives a user another name and address. Where one is taken the change is over.
    pub async fn rename_user(
        &mut self,
        id: &UserId,
        username: &Username,
        email: &Email,
    ) -> Result<Created, StoreError> {
        // Before the update: what ends with the change follows from what was there before.
        self.touched.user(&mut self.transaction, id).await?;
        let text = "UPDATE users SET username = $2, folded_username = $3, email = $4, \
                    folded_email = $5 WHERE id = $1";
        let renamed = sqlx::query(text)
            .bind(id.as_str())
            .bind(username.as_str())
            .bind(username.folded())
            .bind(email.as_str())
            .bind(email.folded())
            .execute(&mut *self.transaction)
            .await;
        created(renamed.map(|_| ()))
    }

    /// Disables a user or lets it in again.
    pub async fn set_user_status(&mut self, id: &UserId, status: Status) -> Result<(), StoreError> {
        self.touched.user(&mut self.transaction, id).await?;
        let texts = [id.as_str().to_owned(), status.name().to_owned()];
        let text = "UPDATE users SET status = $2 WHERE id = $1";
        self.execute(text, &texts, &[]).await?;
        Ok(())
    }

    /// Gives a user these roles, all of which exist, and no others.
    pub async fn set_user_roles(
        &mut self,
        id: &UserId,
        roles: &[RoleName],
    ) -> Result<(), StoreError> {
        self.touched.user(&mut self.transaction, id).await?;
        self.end_link_of_raised(id, roles).await?;
        let texts = [id.as_str().to_owned()];
        self.execute("DELETE FROM user_roles WHERE user_id = $1", &texts, &[])
            .await?;
        self.add_user_roles(id, roles).await
    }

    /// Gives a user another password, which it has set itself as long as [`Self::note_password_setter`] does not say
    /// otherwise.
    pub async fn set_password_hash(&mut self, id: &UserId, hash: &str) -> Result<(), StoreError> {
        self.touched.password(&mut self.transaction, id).await?;
        let texts = [id.as_str().to_owned(), hash.to_owned()];
        let text = "UPDATE users SET password_hash = $2, password_set_by = '', password_set_at = 0 \
                    WHERE id = $1";
        self.execute(text, &texts, &[]).await?;
        Ok(())
    }

    /// Deletes a user and its apps.
    pub async fn delete_user(&mut self, id: &UserId) -> Result<(), StoreError> {
        self.touched.user(&mut self.transaction, id).await?;
        self.keep_names("user", id.as_str()).await?;
        let texts = [id.as_str().to_owned()];
        self.execute("DELETE FROM users WHERE id = $1", &texts, &[])
            .await?;
        // What is written later of it is never shown, and swept once it is over.
        self.execute("DELETE FROM sign_ins WHERE user_id = $1", &texts, &[])
            .await?;
        Ok(())
    }

    async fn add_user_roles(&mut self, id: &UserId, roles: &[RoleName]) -> Result<(), StoreError> {
        let rows = roles.iter().map(|role| [id.as_str(), role.as_str()]);
        let into = "user_roles (user_id, role)";
        self.insert_pairs(into, rows).await
    }

    /// Ends the link for a forgotten password of a user who is to have these roles, where one that it does not
    /// have yet gives `backend.*`: whoever has made the link could take over an administrator with it.
    async fn end_link_of_raised(
        &mut self,
        id: &UserId,
        roles: &[RoleName],
    ) -> Result<(), StoreError> {
        if roles.is_empty() {
            return Ok(());
        }
        let among = placeholders(2, roles.len());
        let text = format!(
            "DELETE FROM reset_links WHERE user_id = $1 AND EXISTS (SELECT 1 FROM role_scopes s \
             WHERE s.role IN ({among}) AND substr(s.scope, 1, 8) = 'backend.' \
             AND s.role NOT IN (SELECT r.role FROM user_roles r WHERE r.user_id = $1))"
        );
        let mut texts = vec![id.as_str().to_owned()];
        texts.extend(roles.iter().map(|role| role.as_str().to_owned()));
        self.execute(assembled(text), &texts, &[]).await?;
        Ok(())
    }
}

/// `$4` is the role where one is asked for; the status comes last.
pub(super) fn list_text(filter: &UserFilter) -> String {
    let has_role = !filter.role.is_empty();
    let role = if has_role {
        " AND EXISTS (SELECT 1 FROM user_roles f WHERE f.user_id = u.id AND f.role = $4)"
    } else {
        ""
    };
    let status = match (filter.status, has_role) {
        (None, _) => "",
        (Some(_), false) => " AND u.status = $4",
        (Some(_), true) => " AND u.status = $5",
    };
    format!(
        "{SELECT} WHERE u.folded_username > $1 AND (u.folded_username LIKE $2 ESCAPE '!' \
         OR u.folded_email LIKE $2 ESCAPE '!'){role}{status} ORDER BY u.folded_username LIMIT $3"
    )
}

pub(super) async fn with_id(
    database: impl Executor<'_, Database = Any>,
    id: &UserId,
) -> Result<Option<User>, StoreError> {
    let row = sqlx::query(assembled(format!("{SELECT} WHERE u.id = $1")))
        .bind(id.as_str())
        .fetch_optional(database)
        .await?;
    row.as_ref().map(read).transpose()
}

async fn named(
    database: impl Executor<'_, Database = Any>,
    name: &Username,
) -> Result<Option<User>, StoreError> {
    let row = sqlx::query(assembled(format!("{SELECT} WHERE u.folded_username = $1")))
        .bind(name.folded())
        .fetch_optional(database)
        .await?;
    row.as_ref().map(read).transpose()
}

/// A pattern of `LIKE` for what holds `text`; `!` escapes.
pub(super) fn containing(text: &str) -> String {
    let mut pattern = "%".to_owned();
    for character in text.chars() {
        if "%_!".contains(character) {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// The rows of these users, by their ids.
pub(super) async fn find(
    connection: &mut Held,
    ids: &[&str],
) -> Result<HashMap<String, AnyRow>, StoreError> {
    let mut found = HashMap::new();
    for some in chunks(ids) {
        let text = format!("{SELECT} WHERE u.id IN {}", placeholder_rows(1, some.len()));
        let mut select = sqlx::query(assembled(text));
        for id in some {
            select = select.bind(*id);
        }
        for row in select.fetch_all(&mut *connection).await? {
            found.insert(row.try_get("id")?, row);
        }
    }
    Ok(found)
}

fn read_credentials(row: &AnyRow) -> Result<Credentials, StoreError> {
    Ok(Credentials {
        user: read(row)?,
        password_hash: row.try_get("password_hash")?,
    })
}

pub(super) fn read(row: &AnyRow) -> Result<User, StoreError> {
    Ok(User {
        id: UserId::known(row.try_get("id")?),
        username: username(row, "username")?,
        email: Email::known(row.try_get("email")?),
        status: status(row, "status")?,
        roles: roles(row, "roles")?,
        scopes: scopes(row, "scopes")?,
        passkeys: row.try_get("passkeys")?,
        created_at: UnixSeconds(row.try_get("created_at")?),
        as_of: position(row, "as_of")?,
        revoked_through: position(row, "revoked_through")?,
    })
}

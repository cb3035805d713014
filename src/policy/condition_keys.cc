// SPDX-License-Identifier: Apache-2.0
#include "policy/condition_keys.h"

#include "base/bytes.h"
#include "policy/match.h"

namespace sluice::policy {
namespace {
// Rows add up: an action has the keys of every row that its name matches.
constexpr ActionKeys kTable[] = {
    {"*",
     "aws:CurrentTime aws:EpochTime aws:FederatedProvider aws:MultiFactorAuthPresent "
     "aws:PrincipalAccount "
     "aws:PrincipalArn aws:PrincipalIsAWSService aws:PrincipalTag/* aws:PrincipalType aws:Referer "
     "aws:RequestedRegion aws:ResourceAccount aws:SecureTransport aws:SourceIdentity aws:SourceIp "
     "aws:TokenIssueTime aws:UserAgent aws:ViaAWSService aws:userid",
     "lambda:SourceFunctionArn"},

    {"cloudformation:CreateStack", "",
     "aws:RequestTag/* aws:TagKeys cloudformation:ResourceTypes cloudformation:RoleArn "
     "cloudformation:StackPolicyUrl cloudformation:TemplateUrl"},
    {"cloudformation:UpdateStack", "",
     "aws:RequestTag/* aws:TagKeys cloudformation:ResourceTypes cloudformation:RoleArn "
     "cloudformation:StackPolicyUrl cloudformation:TemplateUrl"},
    {"cloudformation:DeleteStack", "", "cloudformation:RoleArn"},
    {"cloudformation:CreateChangeSet", "",
     "aws:RequestTag/* aws:TagKeys cloudformation:ChangeSetName "
     "cloudformation:ImportResourceTypes cloudformation:ResourceTypes cloudformation:RoleArn "
     "cloudformation:StackPolicyUrl cloudformation:TemplateUrl"},
    {"cloudformation:DeleteChangeSet", "", "cloudformation:ChangeSetName"},
    {"cloudformation:DescribeChangeSet", "", "cloudformation:ChangeSetName"},
    {"cloudformation:ExecuteChangeSet", "", "cloudformation:ChangeSetName"},

    {"cloudtrail:*", "", "aws:ResourceTag/*"},
    {"cloudtrail:CreateTrail", "", "aws:RequestTag/* aws:TagKeys"},
    {"cloudtrail:AddTags", "", "aws:RequestTag/* aws:TagKeys"},
    {"cloudtrail:RemoveTags", "", "aws:TagKeys"},

    {"cloudwatch:PutMetricData", "cloudwatch:namespace", ""},

    {"dynamodb:BatchGetItem",
     "dynamodb:Attributes dynamodb:LeadingKeys dynamodb:ReturnConsumedCapacity dynamodb:Select",
     ""},
    {"dynamodb:BatchWriteItem",
     "dynamodb:Attributes dynamodb:LeadingKeys dynamodb:ReturnConsumedCapacity", ""},
    {"dynamodb:GetItem",
     "dynamodb:Attributes dynamodb:EnclosingOperation dynamodb:LeadingKeys "
     "dynamodb:ReturnConsumedCapacity dynamodb:Select",
     ""},
    {"dynamodb:PutItem",
     "dynamodb:Attributes dynamodb:EnclosingOperation dynamodb:LeadingKeys "
     "dynamodb:ReturnConsumedCapacity dynamodb:ReturnValues",
     ""},
    {"dynamodb:DeleteItem",
     "dynamodb:Attributes dynamodb:EnclosingOperation dynamodb:LeadingKeys "
     "dynamodb:ReturnConsumedCapacity dynamodb:ReturnValues",
     ""},
    {"dynamodb:UpdateItem",
     "dynamodb:Attributes dynamodb:EnclosingOperation dynamodb:LeadingKeys "
     "dynamodb:ReturnConsumedCapacity dynamodb:ReturnValues",
     ""},
    {"dynamodb:ConditionCheckItem",
     "dynamodb:Attributes dynamodb:EnclosingOperation dynamodb:LeadingKeys "
     "dynamodb:ReturnConsumedCapacity dynamodb:ReturnValues",
     ""},
    {"dynamodb:Query",
     "dynamodb:Attributes dynamodb:LeadingKeys dynamodb:ReturnConsumedCapacity "
     "dynamodb:ReturnValues dynamodb:Select",
     ""},
    {"dynamodb:Scan",
     "dynamodb:Attributes dynamodb:FullTableScan dynamodb:ReturnConsumedCapacity "
     "dynamodb:ReturnValues dynamodb:Select",
     ""},
    {"dynamodb:PartiQLSelect",
     "dynamodb:Attributes dynamodb:EnclosingOperation dynamodb:FullTableScan dynamodb:LeadingKeys "
     "dynamodb:Select",
     ""},
    {"dynamodb:PartiQLInsert",
     "dynamodb:Attributes dynamodb:EnclosingOperation dynamodb:LeadingKeys", ""},
    {"dynamodb:PartiQLUpdate",
     "dynamodb:Attributes dynamodb:EnclosingOperation dynamodb:LeadingKeys dynamodb:ReturnValues",
     ""},
    {"dynamodb:PartiQLDelete",
     "dynamodb:Attributes dynamodb:EnclosingOperation dynamodb:LeadingKeys dynamodb:ReturnValues",
     ""},
    {"dynamodb:*", "aws:ResourceTag/*", ""},
    {"dynamodb:CreateTable", "aws:RequestTag/* aws:TagKeys", ""},
    {"dynamodb:TagResource", "aws:RequestTag/* aws:TagKeys", ""},
    {"dynamodb:UntagResource", "aws:TagKeys", ""},

    {"iam:AttachRolePolicy",
     "aws:ResourceTag/* iam:PermissionsBoundary iam:PolicyARN iam:ResourceTag/*", ""},
    {"iam:CreatePolicy", "aws:RequestTag/* aws:TagKeys", ""},
    {"iam:DeletePolicy", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:CreateRole", "aws:RequestTag/* aws:TagKeys iam:PermissionsBoundary", ""},
    {"iam:DeleteRole", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:DeleteRolePermissionsBoundary",
     "aws:ResourceTag/* iam:PermissionsBoundary iam:ResourceTag/*", ""},
    {"iam:DeleteRolePolicy", "aws:ResourceTag/* iam:PermissionsBoundary iam:ResourceTag/*", ""},
    {"iam:DetachRolePolicy",
     "aws:ResourceTag/* iam:PermissionsBoundary iam:PolicyARN iam:ResourceTag/*", ""},
    {"iam:GetContextKeysForPrincipalPolicy", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:GetRole", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:GetRolePolicy", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:ListAttachedRolePolicies", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:GetPolicy", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:ListEntitiesForPolicy", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:ListInstanceProfilesForRole", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:ListPolicyTags", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:ListRolePolicies", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:ListRoleTags", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:*PolicyVersion*", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:PutRolePermissionsBoundary",
     "aws:ResourceTag/* iam:PermissionsBoundary iam:ResourceTag/*", ""},
    {"iam:PutRolePolicy", "aws:ResourceTag/* iam:PermissionsBoundary iam:ResourceTag/*", ""},
    {"iam:SimulatePrincipalPolicy", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:TagPolicy", "aws:RequestTag/* aws:ResourceTag/* aws:TagKeys iam:ResourceTag/*", ""},
    {"iam:TagRole", "aws:RequestTag/* aws:ResourceTag/* aws:TagKeys iam:ResourceTag/*", ""},
    {"iam:UntagPolicy", "aws:ResourceTag/* aws:TagKeys iam:ResourceTag/*", ""},
    {"iam:UntagRole", "aws:ResourceTag/* aws:TagKeys iam:ResourceTag/*", ""},
    {"iam:UpdateAssumeRolePolicy", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:UpdateRole", "aws:ResourceTag/* iam:ResourceTag/*", ""},

    {"iam:*OpenIDConnectProvider*", "aws:ResourceTag/* iam:ResourceTag/*", ""},
    {"iam:CreateOpenIDConnectProvider", "aws:RequestTag/* aws:TagKeys", ""},
    {"iam:TagOpenIDConnectProvider", "aws:RequestTag/* aws:TagKeys", ""},
    {"iam:UntagOpenIDConnectProvider", "aws:TagKeys", ""},

    {"iam:PassRole", "iam:AssociatedResourceArn iam:PassedToService",
     "aws:ResourceTag/* iam:ResourceTag/*"},

    {"kms:*",
     "aws:ResourceTag/* kms:CallerAccount kms:KeyOrigin kms:KeySpec kms:KeyUsage kms:MultiRegion "
     "kms:ResourceAliases kms:ViaService",
     ""},
    {"kms:*crypt*",
     "kms:EncryptionAlgorithm kms:EncryptionContext:* kms:EncryptionContextKeys kms:RequestAlias",
     ""},
    {"kms:GenerateDataKey*",
     "kms:EncryptionAlgorithm kms:EncryptionContext:* kms:EncryptionContextKeys kms:RequestAlias",
     ""},
    {"kms:GenerateDataKeyPair*", "kms:DataKeyPairSpec", ""},
    {"kms:ReEncrypt*", "kms:ReEncryptOnSameKey", ""},
    {"kms:DescribeKey", "kms:RequestAlias", ""},
    {"kms:GetPublicKey", "kms:RequestAlias", ""},
    {"kms:Sign", "kms:MessageType kms:RequestAlias kms:SigningAlgorithm", ""},
    {"kms:Verify", "kms:MessageType kms:RequestAlias kms:SigningAlgorithm", ""},
    {"kms:*Mac", "kms:MacAlgorithm kms:RequestAlias", ""},
    {"kms:CreateGrant",
     "kms:EncryptionContext:* kms:EncryptionContextKeys kms:GrantConstraintType "
     "kms:GrantIsForAWSResource kms:GrantOperations kms:GranteePrincipal kms:RetiringPrincipal",
     ""},
    {"kms:ListGrants", "kms:GrantIsForAWSResource", ""},
    {"kms:RevokeGrant", "kms:GrantIsForAWSResource", ""},
    {"kms:RetireGrant", "kms:EncryptionContext:* kms:EncryptionContextKeys kms:GrantConstraintType",
     ""},
    {"kms:CreateKey", "aws:RequestTag/* aws:TagKeys kms:BypassPolicyLockoutSafetyCheck", ""},
    {"kms:TagResource", "aws:RequestTag/* aws:TagKeys", ""},
    {"kms:UntagResource", "aws:TagKeys", ""},
    {"kms:PutKeyPolicy", "kms:BypassPolicyLockoutSafetyCheck", ""},
    {"kms:ScheduleKeyDeletion", "kms:ScheduleKeyDeletionPendingWindowInDays", ""},
    {"kms:EnableKeyRotation", "kms:RotationPeriodInDays", ""},
    {"kms:GetParametersForImport", "kms:WrappingAlgorithm kms:WrappingKeySpec", ""},
    {"kms:ImportKeyMaterial", "kms:ExpirationModel kms:ValidTo", ""},

    {"lambda:*", "aws:ResourceTag/*", ""},
    {"lambda:CreateFunction", "aws:RequestTag/* aws:TagKeys lambda:Layer", ""},
    {"lambda:UpdateFunctionConfiguration", "lambda:Layer", ""},
    {"lambda:TagResource", "aws:RequestTag/* aws:TagKeys", ""},
    {"lambda:UntagResource", "aws:TagKeys", ""},
    {"lambda:CreateEventSourceMapping", "lambda:FunctionArn", "aws:RequestTag/* aws:TagKeys"},
    {"lambda:UpdateEventSourceMapping", "lambda:FunctionArn", ""},
    {"lambda:DeleteEventSourceMapping", "lambda:FunctionArn", ""},
    {"lambda:GetEventSourceMapping", "lambda:FunctionArn", ""},
    {"lambda:AddPermission", "lambda:Principal",
     "lambda:FunctionUrlAuthType lambda:InvokedViaFunctionUrl"},
    {"lambda:RemovePermission", "lambda:Principal",
     "lambda:FunctionUrlAuthType lambda:InvokedViaFunctionUrl"},

    {"s3:*",
     "s3:ResourceAccount s3:TlsVersion s3:authType s3:signatureAge s3:signatureversion "
     "s3:x-amz-content-sha256",
     ""},
    {"s3:CreateBucket",
     "s3:locationconstraint s3:x-amz-acl s3:x-amz-grant-full-control s3:x-amz-grant-read "
     "s3:x-amz-grant-read-acp s3:x-amz-grant-write s3:x-amz-grant-write-acp "
     "s3:x-amz-object-ownership",
     ""},
    {"s3:ListBucket", "s3:delimiter s3:max-keys s3:prefix", ""},
    {"s3:ListBucketVersions", "s3:delimiter s3:max-keys s3:prefix", ""},
    {"s3:PutBucketTagging", "aws:RequestTag/* aws:TagKeys", ""},
    {"s3:PutBucketAcl", "",
     "s3:x-amz-acl s3:x-amz-grant-full-control s3:x-amz-grant-read s3:x-amz-grant-read-acp "
     "s3:x-amz-grant-write s3:x-amz-grant-write-acp"},
    {"s3:PutObject",
     "s3:ObjectCreationOperation s3:RequestObjectTag/* s3:RequestObjectTagKeys s3:if-match "
     "s3:if-none-match s3:object-lock-legal-hold s3:object-lock-mode "
     "s3:object-lock-remaining-retention-days s3:object-lock-retain-until-date s3:x-amz-acl "
     "s3:x-amz-copy-source s3:x-amz-grant-full-control s3:x-amz-grant-read "
     "s3:x-amz-grant-read-acp s3:x-amz-grant-write s3:x-amz-grant-write-acp "
     "s3:x-amz-metadata-directive s3:x-amz-server-side-encryption "
     "s3:x-amz-server-side-encryption-aws-kms-key-id "
     "s3:x-amz-server-side-encryption-customer-algorithm s3:x-amz-storage-class "
     "s3:x-amz-website-redirect-location",
     ""},
    {"s3:GetObject", "s3:ExistingObjectTag/*", ""},
    {"s3:GetObjectVersion", "s3:ExistingObjectTag/* s3:versionid", ""},
    {"s3:GetObjectTagging", "s3:ExistingObjectTag/*", ""},
    {"s3:GetObjectVersionTagging", "s3:ExistingObjectTag/* s3:versionid", ""},
    {"s3:PutObjectTagging", "s3:ExistingObjectTag/* s3:RequestObjectTag/* s3:RequestObjectTagKeys",
     ""},
    {"s3:PutObjectVersionTagging",
     "s3:ExistingObjectTag/* s3:RequestObjectTag/* s3:RequestObjectTagKeys s3:versionid", ""},
    {"s3:DeleteObjectTagging", "s3:ExistingObjectTag/*", ""},
    {"s3:DeleteObjectVersionTagging", "s3:ExistingObjectTag/* s3:versionid", ""},
    {"s3:DeleteObject", "s3:if-match", ""},
    {"s3:DeleteObjectVersion", "s3:versionid", ""},
    {"s3:GetObjectAcl", "", "s3:ExistingObjectTag/*"},
    {"s3:GetObjectVersionAcl", "s3:versionid", "s3:ExistingObjectTag/*"},
    {"s3:GetObjectAttributes", "", "s3:ExistingObjectTag/*"},
    {"s3:GetObjectVersionAttributes", "s3:versionid", "s3:ExistingObjectTag/*"},
    {"s3:PutObjectAcl", "",
     "s3:ExistingObjectTag/* s3:x-amz-acl s3:x-amz-grant-full-control s3:x-amz-grant-read "
     "s3:x-amz-grant-read-acp s3:x-amz-grant-write s3:x-amz-grant-write-acp "
     "s3:x-amz-storage-class"},
    {"s3:PutObjectRetention",
     "s3:object-lock-mode s3:object-lock-remaining-retention-days "
     "s3:object-lock-retain-until-date",
     ""},
    {"s3:PutObjectLegalHold", "s3:object-lock-legal-hold", ""},

    {"sts:AssumeRole",
     "aws:RequestTag/* aws:ResourceTag/* aws:TagKeys iam:ResourceTag/* sts:ExternalId "
     "sts:RoleSessionName sts:SourceIdentity sts:TransitiveTagKeys",
     ""},
    {"sts:AssumeRoleWithWebIdentity",
     "aws:FederatedProvider aws:RequestTag/* aws:ResourceTag/* aws:TagKeys iam:ResourceTag/* "
     "sts:RoleSessionName sts:SourceIdentity sts:TransitiveTagKeys",
     ""},
    {"sts:SetSourceIdentity",
     "aws:RequestTag/* aws:ResourceTag/* aws:TagKeys iam:ResourceTag/* sts:RoleSessionName "
     "sts:SourceIdentity sts:TransitiveTagKeys",
     ""},
    {"sts:TagSession",
     "aws:RequestTag/* aws:ResourceTag/* aws:TagKeys iam:ResourceTag/* sts:RoleSessionName "
     "sts:SourceIdentity sts:TransitiveTagKeys",
     ""},
};

bool names(std::string_view listed, std::string_view key) {
  if (listed.ends_with('*'))
    return key.size() >= listed.size() && equals_ignore_case(listed.substr(0, listed.size() - 1),
                                                             key.substr(0, listed.size() - 1));
  return equals_ignore_case(listed, key);
}

// The rows of the table that have unfilled keys.
struct UnfilledKeys {
  Pattern actions;  // in lower case
  std::vector<std::string_view> keys;
};
const std::vector<UnfilledKeys>& unfilled_keys() {
  static const std::vector<UnfilledKeys> rows = [] {
    std::vector<UnfilledKeys> made;
    for (const ActionKeys& row : kTable)
      if (!row.unfilled.empty())
        made.push_back({Pattern(lower(row.actions)), split(row.unfilled, ' ')});
    return made;
  }();
  return rows;
}
}  // namespace

std::span<const ActionKeys> condition_keys() { return kTable; }

bool is_unfilled(std::string_view action, std::string_view key) {
  for (const UnfilledKeys& row : unfilled_keys()) {
    if (!row.actions.glob(action)) continue;
    for (const std::string_view listed : row.keys)
      if (names(listed, key)) return true;
  }
  return false;
}

std::string spelled(std::string_view key) {
  for (const ActionKeys& row : kTable)
    for (const std::string_view column : {row.filled, row.unfilled})
      for (std::string_view listed : split(column, ' ')) {
        if (listed.empty() || !names(listed, key)) continue;
        if (listed.ends_with('*')) listed.remove_suffix(1);
        return std::string(listed) + std::string(key.substr(listed.size()));
      }
  return std::string(key);
}

}  // namespace sluice::policy

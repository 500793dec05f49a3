; The installer's steps. Nothing that is installed changes before the new version lies whole beside it;
; then two renames put it in its place, and a failure of the second undoes the first.

Var STAGED_OVER ; whether an older version was there

; Upgrades stay where they are.
Function SkipIfInstalled
  ReadRegStr $0 SHCTX "${UNINSTALL_KEY}" "InstallLocation"
  ${If} $0 != ""
    Abort
  ${EndIf}
FunctionEnd

; $REPLY = 1 if the runtime is there: machine-wide, or this user's
; (Microsoft, "Distribute your app and the WebView2 Runtime").
Function LookForWebView2
  StrCpy $REPLY 1
  SetRegView 32
  ReadRegStr $0 HKLM "${WEBVIEW2_KEY}" "pv"
  SetRegView 64
  ${If} $0 != ""
  ${AndIf} $0 != "0.0.0.0"
    Return
  ${EndIf}
  ReadRegStr $0 HKCU "${WEBVIEW2_KEY}" "pv"
  ${If} $0 == ""
  ${OrIf} $0 == "0.0.0.0"
    StrCpy $REPLY 0
  ${EndIf}
FunctionEnd

Function CheckWebView2
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/NOWEBVIEW2" $1
  ${IfNot} ${Errors}
    Return
  ${EndIf}
  Call LookForWebView2
  !ifdef WEBVIEW2_SETUP
    ${If} $REPLY = 0
      InitPluginsDir
      SetCompress off
      File "/oname=$PLUGINSDIR\webview2.exe" "${WEBVIEW2_SETUP}"
      SetCompress auto
      ExecWait '"$PLUGINSDIR\webview2.exe" /silent /install'
      Call LookForWebView2
    ${EndIf}
  !endif
  ${DoWhile} $REPLY = 0
    ${If} ${Silent}
      ${Fail} ${NO_WEBVIEW2} "$DISPLAY_NAME needs the Microsoft Edge WebView2 Runtime, which is not installed. Get it from ${WEBVIEW2_PAGE}, or pass /NOWEBVIEW2."
    ${EndIf}
    MessageBox MB_ABORTRETRYIGNORE|MB_ICONEXCLAMATION \
      "$DISPLAY_NAME shows its window with the Microsoft Edge WebView2 Runtime, which this computer does not have.$\r$\n$\r$\nGet it from ${WEBVIEW2_PAGE}, then choose Retry. Ignore installs $DISPLAY_NAME all the same." \
      IDIGNORE ignored IDRETRY again
    SetErrorLevel ${NO_WEBVIEW2}
    Quit
    ignored:
    StrCpy $REPLY 1
    ${Continue}
    again:
    Call LookForWebView2
  ${Loop}
FunctionEnd

Section "-App"
  ; 1. What an interrupted setup left. Its renames are undone; its half-made tree goes.
  ${IfNot} ${FileExists} "$INSTDIR\app\*.*"
  ${AndIf} ${FileExists} "$INSTDIR\app.old\*.*"
    Rename "$INSTDIR\app.old" "$INSTDIR\app"
  ${EndIf}
  ${If} ${FileExists} "$INSTDIR\app\*.*"
  ${AndIfNot} ${FileExists} "$INSTDIR\app.files"
    ${Fail} ${NOT_OURS} "$INSTDIR\app is there already, and this setup did not make it. Choose another folder."
  ${EndIf}
  RMDir /r "$INSTDIR\app.new"

  ; 2. The new version, whole, beside the old one, every file checked against its digest.
  ClearErrors
  CreateDirectory $INSTDIR
  ${If} ${Errors}
    ${Fail} ${NOT_WRITTEN} "$INSTDIR cannot be made. Choose a folder that you may write to."
  ${EndIf}
  SetOutPath $INSTDIR
  InitPluginsDir
  DetailPrint "Unpacking $DISPLAY_NAME"
  SetDetailsPrint none
  ClearErrors
  SetCompress off
  File "/oname=$PLUGINSDIR\payload.exe" "${PAYLOAD}"
  SetCompress auto
  ${If} ${Errors}
    ${Fail} ${NOT_WRITTEN} "There is no space left for $DISPLAY_NAME."
  ${EndIf}
  nsExec::ExecToStack '"$PLUGINSDIR\payload.exe" --erth-extract "$INSTDIR\app.new"'
  Pop $0
  Pop $1
  Delete "$PLUGINSDIR\payload.exe"
  SetDetailsPrint both
  ${If} $0 != 0
    RMDir /r "$INSTDIR\app.new"
    RMDir $INSTDIR
    ${If} $0 = 70
      ${Fail} ${DAMAGED} "This setup is damaged. Download it again."
    ${EndIf}
    ${Fail} ${NOT_WRITTEN} "$DISPLAY_NAME could not be unpacked to $INSTDIR ($0): it needs ${INSTALLED_MB} MB of space and a folder that you may write to."
  ${EndIf}
  ClearErrors
  File "/oname=$INSTDIR\app.files.new" "${FILE_LIST}"
  ${If} ${Errors}
    RMDir /r "$INSTDIR\app.new"
    ${Fail} ${NOT_WRITTEN} "There is no space left in $INSTDIR."
  ${EndIf}

  ; 3. Two renames. A folder of which something is open cannot be renamed: then the app runs as well.
  StrCpy $STAGED_OVER 0
  ${If} ${FileExists} "$INSTDIR\app\*.*"
    StrCpy $STAGED_OVER 1
    ${If} ${FileExists} "$INSTDIR\app.old\*.*"
      ; Files that are not ours are still in there; theirs is the older name.
      System::Call 'kernel32::GetTickCount() i.r0'
      Rename "$INSTDIR\app.old" "$INSTDIR\app.old.$0"
    ${EndIf}
    StrCpy $R0 $PATIENCE_MS
    ${Do}
      Call WaitUntilAppEnds
      ${If} $REPLY = 0
        System::Call 'kernel32::MoveFileW(w "$INSTDIR\app", w "$INSTDIR\app.old") i.r0'
        ${If} $0 <> 0
          ${Break}
        ${EndIf}
        ${If} ${Silent}
        ${AndIf} $R0 > 0
          Sleep 250
          IntOp $R0 $R0 - 250
          ${Continue}
        ${EndIf}
        ${IfNot} ${Silent}
          MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION \
            "A file of $DISPLAY_NAME is in use. Close the programs that use it, then choose Retry." IDCANCEL +2
          ${Continue}
        ${EndIf}
      ${EndIf}
      RMDir /r "$INSTDIR\app.new"
      Delete "$INSTDIR\app.files.new"
      ${If} ${Silent}
        ${Fail} ${APP_RUNS} "$DISPLAY_NAME is running. Nothing was changed; close it and start this setup again."
      ${EndIf}
      SetErrorLevel ${APP_RUNS}
      Quit
    ${Loop}
  ${EndIf}
  System::Call 'kernel32::MoveFileW(w "$INSTDIR\app.new", w "$INSTDIR\app") i.r0'
  ${If} $0 = 0
    ${If} $STAGED_OVER = 1
      Rename "$INSTDIR\app.old" "$INSTDIR\app"
    ${EndIf}
    RMDir /r "$INSTDIR\app.new"
    Delete "$INSTDIR\app.files.new"
    ${Fail} ${NOT_REPLACED} "$DISPLAY_NAME could not be put in its place. What was there before is there again."
  ${EndIf}

  ; 4. The old version, by its own list; what a user has put into it stays.
  ${If} $STAGED_OVER = 1
    StrCpy $7 "$INSTDIR\app.files"
    StrCpy $8 "$INSTDIR\app.old"
    Call RemoveListed
  ${EndIf}
  System::Call 'kernel32::MoveFileExW(w "$INSTDIR\app.files.new", w "$INSTDIR\app.files", i 1)'

  ; 5. What the system knows about it.
  WriteUninstaller "$INSTDIR\Uninstall.exe"
  Call Register
  Call TellExplorer
SectionEnd

!ifdef ASK_DESKTOP
  Section /o "Link on the desktop" DesktopLink
    Call LinkOnDesktop
  SectionEnd
!endif

; Through Explorer, so that an app installed by an administrator does not run as one.
Function RunApp
  Exec '"$WINDIR\explorer.exe" "$SMPROGRAMS\$LINK_NAME.lnk"'
FunctionEnd

Function .onInstSuccess
  ${If} ${Silent}
    ${GetParameters} $0
    ClearErrors
    ${GetOptions} $0 "/RUN" $1
    ${IfNot} ${Errors}
      Call RunApp
    ${EndIf}
  ${EndIf}
FunctionEnd

; Sections must be known before this names them.
Function .onInit
  Call Prepare
  ${IfNot} ${RunningX64}
  ${OrIfNot} ${AtLeastWin10}
    ${Fail} ${OLD_WINDOWS} "$DISPLAY_NAME needs 64-bit Windows 10 or later."
  ${EndIf}
  !ifdef FOR_MACHINE
    UserInfo::GetAccountType
    Pop $0
    ${If} $0 != "Admin"
      ${Fail} ${NOT_ADMIN} "Only an administrator can install $DISPLAY_NAME for all users."
    ${EndIf}
  !endif
  ; /D= wins, then the folder of the installed version, then the default.
  ${If} $INSTDIR == ""
    ReadRegStr $INSTDIR SHCTX "${UNINSTALL_KEY}" "InstallLocation"
  ${EndIf}
  ${If} $INSTDIR == ""
    Call SetDefaultFolder
  ${EndIf}
  Call CheckWebView2
  ; A silent run has no pages: its choices are arguments.
  ${GetParameters} $0
  !ifdef ASK_DESKTOP
    ClearErrors
    ${GetOptions} $0 "/DESKTOP" $1
    ${IfNot} ${Errors}
    ${OrIf} ${FileExists} "$DESKTOP\$LINK_NAME.lnk"
      !insertmacro SelectSection ${DesktopLink}
    ${EndIf}
  !endif
FunctionEnd

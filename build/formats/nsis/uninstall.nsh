; The uninstaller removes what app.files names, its own files, links and registry keys, and nothing else.
; The user's data stays, unless asked for: the page's second line, or /PURGE.

Section "un.Program" un.App
  SectionIn RO
  Call un.WaitUntilAppEnds
  ${If} $REPLY <> 0
    ${If} ${Silent}
      ${Fail} ${APP_RUNS} "$DISPLAY_NAME is running. Nothing was removed; close it and start again."
    ${EndIf}
    SetErrorLevel ${APP_RUNS}
    Quit
  ${EndIf}
  ; A folder that is somebody's working folder cannot be removed.
  SetOutPath $TEMP
  StrCpy $7 "$INSTDIR\app.files"
  StrCpy $8 "$INSTDIR\app"
  Call un.RemoveListed
  StrCpy $8 "$INSTDIR\app.old"
  Call un.RemoveListed
  RMDir /r "$INSTDIR\app.new"
  Delete "$INSTDIR\app.files.new"
  Delete "$INSTDIR\app.files"
  Delete "$INSTDIR\Uninstall.exe"
  RMDir $INSTDIR
  Call un.Unregister
  Call un.TellExplorer
SectionEnd

Section /o "un.My data" un.Data
  ; Always this user's, whoever the app was installed for.
  SetShellVarContext current
  RMDir /r "$LOCALAPPDATA\${APP_IDENTIFIER}\data"
  RMDir /r "$LOCALAPPDATA\${APP_IDENTIFIER}\cache"
  RMDir /r "$LOCALAPPDATA\${APP_IDENTIFIER}\logs"
  RMDir "$LOCALAPPDATA\${APP_IDENTIFIER}"
SectionEnd

; Sections must be known before this names them.
Function un.onInit
  Call un.Prepare
  SectionSetText ${un.App} $DISPLAY_NAME
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/PURGE" $1
  ${IfNot} ${Errors}
    !insertmacro SelectSection ${un.Data}
  ${EndIf}
FunctionEnd
